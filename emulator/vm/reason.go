package vm

// reasonNames are the constants of the exceptions of the Java Card API, from reason 1 on.
var reasonNames = map[string][]string{
	classSystemException: {"ILLEGAL_VALUE", "NO_TRANSIENT_SPACE", "ILLEGAL_TRANSIENT",
		"ILLEGAL_AID", "NO_RESOURCE", "ILLEGAL_USE"},
	classTransaction: {"IN_PROGRESS", "NOT_IN_PROGRESS", "BUFFER_FULL", "INTERNAL_FAILURE",
		"ILLEGAL_USE"},
	"javacard/framework/APDUException": {"ILLEGAL_USE", "BUFFER_BOUNDS", "BAD_LENGTH",
		"IO_ERROR"},
	"javacard/framework/PINException": {"ILLEGAL_VALUE", "ILLEGAL_STATE"},
	"javacard/framework/service/ServiceException": {"ILLEGAL_PARAM", "DISPATCH_TABLE_FULL",
		"COMMAND_DATA_TOO_LONG", "CANNOT_ACCESS_IN_COMMAND", "CANNOT_ACCESS_OUT_COMMAND",
		"COMMAND_IS_FINISHED", "REMOTE_OBJECT_NOT_EXPORTED"},
	"javacard/security/CryptoException": {"ILLEGAL_VALUE", "UNINITIALIZED_KEY",
		"NO_SUCH_ALGORITHM", "INVALID_INIT", "ILLEGAL_USE"},
	"javacardx/framework/tlv/TLVException": {"INVALID_PARAM", "ILLEGAL_SIZE", "EMPTY_TAG",
		"EMPTY_TLV", "MALFORMED_TAG", "MALFORMED_TLV", "INSUFFICIENT_STORAGE",
		"TAG_SIZE_GREATER_THAN_127", "TAG_NUMBER_GREATER_THAN_32767",
		"TLV_SIZE_GREATER_THAN_32767", "TLV_LENGTH_GREATER_THAN_32767"},
	"javacardx/framework/util/UtilException": {"ILLEGAL_VALUE", "TYPE_MISMATCHED"},
}

// ReasonName is what the Java Card API calls a reason of an exception of that full class name;
// empty of what it has no name for, as of the status word of an ISOException.
func ReasonName(class string, reason int16) string {
	names := reasonNames[class]
	if reason < 1 || int(reason) > len(names) {
		return ""
	}
	return names[reason-1]
}
