package apdu

import "sort"

// Status words that code refers to by name; [StatusWords] has all.
const (
	OK StatusWord = 0x9000

	SWMoreData        StatusWord = 0x6100 // SW2 is a number
	SWUnchanged       StatusWord = 0x6200
	SWDeactivated     StatusWord = 0x6283
	SWNotAuthentic    StatusWord = 0x6300
	SWMoreAvailable   StatusWord = 0x6310
	SWTriesLeft       StatusWord = 0x63C0 // the last digit is a number
	SWNotLinked       StatusWord = 0x6438
	SWMemoryFailure   StatusWord = 0x6581
	SWWrongLength     StatusWord = 0x6700
	SWChannel         StatusWord = 0x6881
	SWSecureMessaging StatusWord = 0x6882
	SWLastExpected    StatusWord = 0x6883
	SWChaining        StatusWord = 0x6884
	SWSecurity        StatusWord = 0x6982
	SWBlocked         StatusWord = 0x6983
	SWNotUsable       StatusWord = 0x6984
	SWConditions      StatusWord = 0x6985
	SWWrongMAC        StatusWord = 0x6988
	SWSelectFailed    StatusWord = 0x6999
	SWWrongData       StatusWord = 0x6A80
	SWNotSupported    StatusWord = 0x6A81
	SWFileNotFound    StatusWord = 0x6A82
	SWRecordNotFound  StatusWord = 0x6A83
	SWNoMemory        StatusWord = 0x6A84
	SWWrongP1P2       StatusWord = 0x6A86
	SWNotFound        StatusWord = 0x6A88
	SWWrongLe         StatusWord = 0x6C00 // SW2 is a number
	SWInstruction     StatusWord = 0x6D00
	SWClass           StatusWord = 0x6E00
	SWUnknown         StatusWord = 0x6F00
)

// StatusRow describes a status word by the standards.
type StatusRow struct {
	// First and Last are the same, or differ where SW2 or its last digit is a number.
	First, Last StatusWord
	Name        string // in capitals, as a script writes it
	Meaning     string // by the document in Source; "xx" stands for the number in SW2
	Source      string // document and clause
	// GlobalPlatform is the status word's meaning when a security domain answers it,
	// where GlobalPlatform defines more or something else, and GlobalPlatformSource the
	// clause; both are empty otherwise.
	GlobalPlatform, GlobalPlatformSource string
}

// The documents that the table cites. The edition of 2020 is named for what that of
// 2013 may lack.
const (
	iso2013      = "ISO/IEC 7816-4:2013 §5.6"
	iso2020      = "ISO/IEC 7816-4:2020 §5.6"
	javaCard     = "Java Card 3.0.5 API, javacard.framework.ISO7816"
	jcop         = "NXP JCOP, answer to LOAD"
	gpcGeneral   = "GPC 2.3.1 §11.1.3, table 11-10"
	gpcDelete    = "GPC 2.3.1 §11.2.3.2"
	gpcGetStatus = "GPC 2.3.1 §11.4.3.2"
	gpcInstall   = "GPC 2.3.1 §11.5.3.2"
	gpcLoad      = "GPC 2.3.1 §11.6.3.2"
	gpcPutKey    = "GPC 2.3.1 §11.8.3.2"
	gpcSelect    = "GPC 2.3.1 §11.9.3.2"
	scp03        = "GPC Amendment D 1.2 §7.1.2"
)

// one is the row of a status word without a number in it, by ISO/IEC 7816-4:2013.
func one(code StatusWord, name, meaning string) StatusRow {
	return StatusRow{First: code, Last: code, Name: name, Meaning: meaning, Source: iso2013}
}

// of is the row with another source than ISO/IEC 7816-4:2013.
func (r StatusRow) of(source string) StatusRow {
	r.Source = source
	return r
}

// to is the row of all status words up to last.
func (r StatusRow) to(last StatusWord) StatusRow {
	r.Last = last
	return r
}

// domain is the row with what a security domain means.
func (r StatusRow) domain(meaning, source string) StatusRow {
	r.GlobalPlatform, r.GlobalPlatformSource = meaning, source
	return r
}

// queryRequired is the meaning of 6402 to 6480, one of which NXP took for another.
const queryRequired = "the card asks for a query of xx bytes and went no further (§12.5.1)"

// StatusWords are the status words that ISO/IEC 7816-4, GlobalPlatform, Java Card and
// NXP define, in the order of their codes.
var StatusWords = []StatusRow{
	one(SWMoreData, "MORE_DATA", "xx more bytes of the answer are waiting").to(0x61FF),

	one(SWUnchanged, "WARNING", "warning, non-volatile memory is unchanged").
		domain("the application is deleted logically only, or the channel is closed already",
			gpcDelete+" and §11.7.3.2"),
	one(0x6202, "QUERY", "the card asks for a query of xx bytes (§12.5.1)").to(0x6280),
	one(0x6281, "DATA_CORRUPTED", "part of the returned data may be corrupted"),
	one(0x6282, "END_OF_FILE", "end of file or record reached before Ne bytes, or nothing found"),
	one(SWDeactivated, "DEACTIVATED", "selected file is deactivated").
		domain("the card is in CARD_LOCKED", gpcSelect),
	one(0x6284, "CONTROL_INFORMATION", "control information is not formatted as the standard says"),
	one(0x6285, "TERMINATED", "selected file is in termination state"),
	one(0x6286, "NO_SENSOR_INPUT", "no input from a sensor on the card"),
	one(0x6287, "RECORD_DEACTIVATED", "at least one of the records is deactivated").of(iso2020),

	one(SWNotAuthentic, "WARNING_CHANGED", "warning, non-volatile memory has changed").
		domain("authentication of the host cryptogram failed: the keys are not the card's", scp03),
	one(SWMoreAvailable, "MORE_AVAILABLE", "more data of GET STATUS is available").of(gpcGetStatus),
	one(0x6340, "COMPARISON_FAILED", "unsuccessful comparison").of(iso2020),
	one(0x6381, "FILE_FILLED", "file was filled up by the last write"),
	one(SWTriesLeft, "TRIES_LEFT", "counter; after a verification x tries are left").to(0x63CF),

	one(0x6400, "EXECUTION_ERROR", "execution error, non-volatile memory is unchanged").
		domain("no specific diagnosis", gpcGeneral),
	one(0x6401, "RESPONSE_REQUIRED", "the card requires an immediate response"),
	one(0x6402, "QUERY_REQUIRED", queryRequired).to(0x6437),
	one(SWNotLinked, "QUERY_REQUIRED", queryRequired).
		domain("the card cannot link the load file, which imports what the card has not", jcop),
	one(0x6439, "QUERY_REQUIRED", queryRequired).to(0x6480),
	one(0x6481, "CHANNEL_NOT_SHARED", "shared access of a logical channel denied").of(iso2020),
	one(0x6482, "CHANNEL_NOT_OPENED", "opening of a logical channel denied").of(iso2020),

	one(0x6500, "EXECUTION_ERROR_CHANGED", "execution error, non-volatile memory has changed"),
	one(SWMemoryFailure, "MEMORY_FAILURE", "memory failure"),
	one(0x6600, "SECURITY_ISSUE", "security-related issue without more information"),
	one(SWWrongLength, "WRONG_LENGTH", "wrong length").
		domain("wrong length in Lc", gpcGeneral),
	one(0x6701, "WRONG_FORMAT", "command APDU is not formatted as §5.1 says").of(iso2020),
	one(0x6702, "WRONG_LC", "Lc is not the one expected").of(iso2020),

	one(0x6800, "CLASS_FUNCTION", "function in CLA not supported, without more information"),
	one(SWChannel, "CHANNEL_NOT_SUPPORTED", "logical channel not supported").
		domain("logical channel not supported, or not open", gpcGeneral),
	one(SWSecureMessaging, "SECURE_MESSAGING_NOT_SUPPORTED", "secure messaging not supported"),
	one(SWLastExpected, "LAST_COMMAND_EXPECTED", "last command of the chain expected"),
	one(SWChaining, "CHAINING_NOT_SUPPORTED", "command chaining not supported"),

	one(0x6900, "NOT_ALLOWED", "command not allowed, without more information"),
	one(0x6981, "FILE_STRUCTURE", "command does not fit the file's structure"),
	one(SWSecurity, "SECURITY_STATUS", "security status not satisfied"),
	one(SWBlocked, "BLOCKED", "authentication method blocked"),
	one(SWNotUsable, "REFERENCE_NOT_USABLE", "reference data not usable"),
	one(SWConditions, "CONDITIONS_OF_USE", "conditions of use not satisfied"),
	one(0x6986, "NO_CURRENT_FILE", "command not allowed, no EF is selected"),
	one(0x6987, "SECURE_MESSAGING_MISSING", "secure messaging data objects are missing"),
	one(SWWrongMAC, "SECURE_MESSAGING_INCORRECT", "secure messaging data objects are incorrect"),
	one(SWSelectFailed, "SELECT_FAILED", "no applet is selected, or its selection failed").
		of(javaCard),

	one(0x6A00, "WRONG_PARAMETERS", "wrong parameters, without more information"),
	one(SWWrongData, "WRONG_DATA", "incorrect parameters in the command data").
		domain("incorrect values in the command data", gpcInstall),
	one(SWNotSupported, "NOT_SUPPORTED", "function not supported").
		domain("function not supported, for example because the card is in CARD_LOCKED", gpcSelect),
	one(SWFileNotFound, "FILE_NOT_FOUND", "file or application not found").
		domain("application or load file not found", gpcSelect),
	one(SWRecordNotFound, "RECORD_NOT_FOUND", "record not found"),
	one(SWNoMemory, "NO_MEMORY", "not enough memory in the file").
		domain("not enough memory", gpcLoad),
	one(0x6A85, "NC_AND_TLV", "Nc does not fit the TLV structure"),
	one(SWWrongP1P2, "INCORRECT_P1P2", "incorrect parameters P1-P2"),
	one(0x6A87, "NC_AND_P1P2", "Nc does not fit P1-P2"),
	one(SWNotFound, "REFERENCED_DATA_NOT_FOUND", "referenced data or reference data not found"),
	one(0x6A89, "FILE_EXISTS", "file already exists"),
	one(0x6A8A, "NAME_EXISTS", "DF name already exists"),

	one(0x6B00, "WRONG_P1P2", "wrong parameters P1-P2"),
	one(SWWrongLe, "WRONG_LE", "wrong Le; xx bytes are available").to(0x6CFF),
	one(SWInstruction, "INS_NOT_SUPPORTED", "instruction not supported or invalid"),
	one(SWClass, "CLA_NOT_SUPPORTED", "class not supported"),
	one(SWUnknown, "UNKNOWN", "no precise diagnosis"),
	one(OK, "OK", "done"),
	one(0x9484, "ALGORITHM_NOT_SUPPORTED", "algorithm of a key not supported").of(gpcPutKey),
	one(0x9485, "WRONG_CHECK_VALUE", "key check value wrong").of(gpcPutKey),
}

// Status finds the row of a status word.
func Status(sw StatusWord) (StatusRow, bool) {
	i := sort.Search(len(StatusWords), func(i int) bool { return StatusWords[i].Last >= sw })
	if i == len(StatusWords) || sw < StatusWords[i].First {
		return StatusRow{}, false
	}
	return StatusWords[i], true
}
