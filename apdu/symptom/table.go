package symptom

import "ekrona.example/apdu/gpc"

// Table has all symptoms, for each command those with the narrowest sign first.
var Table = []Symptom{
	{ID: "load-not-linked", Sign: "6438 to LOAD",
		Cause: "the CAP file imports a package, or a version of one, that the card has not: it " +
			"is made for a newer Java Card",
		Cure: "convert it with the export files of the card's own version (Java Card 3.0.4 suits " +
			"most JCOP 4), and take out what the product lacks, such as javacardx.framework",
		Source:  "arekinath/PivApplet 2",
		matches: func(s seen) bool { return s.is(gpc.InsLoad, 0x6438) }},
	{ID: "load-refused", Sign: "6985 or 6A80 to LOAD",
		Cause: "the load file does not fit the card's Java Card, or is damaged",
		Cure: "compare the imports that the converter shows with the card's version (ekrona " +
			"issue check), convert again with older export files",
		Source:  "martinpaljak/GlobalPlatformPro 6",
		matches: func(s seen) bool { return s.is(gpc.InsLoad, 0x6985, 0x6A80) }},
	{ID: "load-channel-lost", Sign: "6982 to LOAD",
		Cause: "the secure channel has ended in the middle: the card or the reader changed a " +
			"command, an Le where there was none before, or the card wants a DAP signature",
		Cure: "load again with this program or a newer GlobalPlatformPro, over a contact reader; " +
			"ask the supplier whether DAP verification is mandated",
		Source:  "martinpaljak/GlobalPlatformPro 255, 355",
		matches: func(s seen) bool { return s.is(gpc.InsLoad, 0x6982) }},
	{ID: "load-reference", Sign: "6A88 to LOAD",
		Cause:   "the load file refers to a package that is not on the card",
		Cure:    "load the packages that it imports first, in dependency order",
		Source:  "tsenger/CCU2F 2",
		matches: func(s seen) bool { return s.is(gpc.InsLoad, 0x6A88) }},
	{ID: "no-memory", Sign: "6A84 to LOAD or INSTALL",
		Cause: "persistent or transient memory is not enough; each cryptographic object takes " +
			"transient memory too",
		Cure: "see what the applet takes on which product: ekrona card memory --cap FILE; delete " +
			"what is not needed (for good, with what is in it), or share objects",
		Source:  "github-af/SmartPGP 1, 46",
		matches: func(s seen) bool { return s.isManaging() && s.sw == 0x6A84 }},
	{ID: "install-ffd1", Sign: "FFD1 to INSTALL",
		Cause: "not known; seen on a JCOP 4 whose package was loaded, and no status word at all: " +
			"the instance was not made",
		Cure: "take the power away, delete the package for good, load and install again over a " +
			"contact reader with another reader or cable; if it comes back the card is faulty",
		Source: "martinpaljak/GlobalPlatformPro 340",
		matches: func(s seen) bool {
			return s.command.INS == gpc.InsInstall && s.sw == 0xFFD1
		}},
	{ID: "install-refused", Sign: "6985 to INSTALL",
		Cause: "the applet's install method threw: an algorithm or key size that the product has " +
			"not (some J3R150 and J3R200 have no elliptic curves), parameters it does not take, " +
			"an instance AID that is in use, or an attempt before that left the card half done",
		Cure: "look which algorithms the product has (profiles of ekrona card memory, " +
			"JCAlgTest), check the parameters, take the power away and delete what the attempt " +
			"left, for good",
		Source: "philipWendland/IsoApplet 43, darconeous/u2f-javacard 5, " +
			"martinpaljak/GlobalPlatformPro 74, 306",
		matches: func(s seen) bool { return s.isInstall() && s.sw == 0x6985 }},
	{ID: "install-exception", Sign: "6F00 or 6A80 to INSTALL",
		Cause: "an exception that the applet's install method did not catch: no such algorithm, " +
			"no memory left, wrong parameters",
		Cure: "run the same CAP file on the product's profile, which names exception, file and " +
			"line: ekrona shell --profile NAME --cap FILE",
		Source: "github-af/SmartPGP 46, vletoux/GidsApplet 13",
		matches: func(s seen) bool {
			return s.isInstall() && (s.sw == 0x6F00 || s.sw == 0x6A80)
		}},
	{ID: "install-mute", Sign: "mute at INSTALL (SCARD_E_NOT_TRANSACTED)",
		Cause: "the card stopped in the applet's install method: an algorithm that it has not, " +
			"more memory than it has, or a contactless field too weak for key generation",
		Cure: "reset the card; use a contact reader; make objects one by one to find the one " +
			"that stops it; the package that was loaded can be deleted for good and loaded again",
		Source: "martinpaljak/AppletPlayground 23, philipWendland/IsoApplet 43, " +
			"martinpaljak/GlobalPlatformPro 392, 405",
		matches: func(s seen) bool { return s.mute && s.isInstall() }},
	{ID: "load-mute", Sign: "mute at LOAD (SCARD_E_NOT_TRANSACTED)",
		Cause: "the card lost its power or its contact while it wrote",
		Cure: "clean the contacts or hold the card still, use a contact reader, and load again: " +
			"a load file that is not whole leaves nothing",
		Source:  "martinpaljak/GlobalPlatformPro 392, 405",
		matches: func(s seen) bool { return s.mute && s.command.INS == gpc.InsLoad }},
	{ID: "extended-mute", Sign: "no answer to a long command (SCARD_E_NOT_TRANSACTED, " +
		"SCARD_E_INSUFFICIENT_BUFFER)",
		Cause: "the reader or its driver carries no extended length, whatever the card's ATR " +
			"says",
		Cure:    "use short commands with chaining, or another reader",
		Source:  "LudovicRousseau/PCSC 54, 240",
		matches: func(s seen) bool { return s.mute && s.command.IsExtended() }},
	{ID: "full-answer", Sign: "no answer to a command that asks for 256 bytes",
		Cause:   "some contactless readers take an answer of 256 bytes for none",
		Cure:    "ask for 255 bytes at most, or take another reader",
		Source:  "mwalle/neopgp 3",
		matches: func(s seen) bool { return s.mute && s.command.Ne == 256 && !s.isManaging() }},
	{ID: "mute", Sign: "no answer (SCARD_E_NOT_TRANSACTED)",
		Cause: "the card or the reader does not work properly: contacts, power, or an applet " +
			"that takes the card down",
		Cure:   "reset the card, try another reader, and see which command it is",
		Source: "martinpaljak/apdu4j 15, philipWendland/IsoApplet 21",
		matches: func(s seen) bool {
			return s.mute && !s.isManaging() && !s.command.IsExtended() && s.command.Ne != 256
		}},
	{ID: "keys-wrong", Sign: "6982 or 6300 to EXTERNAL AUTHENTICATE",
		Cause: "the keys are not the card's; some products come with keys that are made from the " +
			"card's number",
		Cure: "stop: wrong keys are counted, and the card blocks itself; ask the supplier for " +
			"the keys",
		Source:  "martinpaljak/GlobalPlatformPro 253, 105",
		matches: func(s seen) bool { return s.is(gpc.InsExternalAuthenticate, 0x6982, 0x6300) }},
	{ID: "no-such-keys", Sign: "6A88 to INITIALIZE UPDATE",
		Cause:   "the card has no key set of that version",
		Cure:    "see which it has: ekrona issue check; name it, or 00 for the card's choice",
		Source:  "GPC 2.3.1 Amendment D §7.1.1.6",
		matches: func(s seen) bool { return s.is(gpc.InsInitializeUpdate, 0x6A88) }},
	{ID: "channel-closed", Sign: "6985, 6983 or 6982 to INITIALIZE UPDATE",
		Cause: "the card opens no secure channel now: it is locked, or wrong keys have been " +
			"tried too often",
		Cure: "take its power away, wait a minute, and look with ekrona issue check; do not " +
			"try keys",
		Source: "martinpaljak/GlobalPlatformPro 105",
		matches: func(s seen) bool {
			return s.is(gpc.InsInitializeUpdate, 0x6985, 0x6983, 0x6982)
		}},
	{ID: "no-manager", Sign: "6D00 to SELECT without a name",
		Cause: "another application is selected by default, and takes the command",
		Cure: "select the issuer security domain by its AID: A000000151000000, or " +
			"A000000003000000",
		Source: "martinpaljak/GlobalPlatformPro 192, 268",
		matches: func(s seen) bool {
			return s.is(gpc.InsSelect, 0x6D00) && len(s.command.Data) == 0
		}},
	{ID: "not-fused", Sign: "6A82 to SELECT without a name",
		Cause:  "the card has no issuer security domain yet: a JCOP that is not pre-personalized",
		Cure:   "have the supplier pre-personalize it: that needs his transport key",
		Source: "martinpaljak/GlobalPlatformPro 10, 121",
		matches: func(s seen) bool {
			return s.is(gpc.InsSelect, 0x6A82) && s.command.P1 == gpc.P1ByName &&
				len(s.command.Data) == 0
		}},
	{ID: "card-locked", Sign: "6283 to SELECT",
		Cause:   "the card is in CARD_LOCKED",
		Cure:    "unlock it with its keys: ekrona issue unlock",
		Source:  "GPC 2.3.1 §11.9.3.2",
		matches: func(s seen) bool { return s.is(gpc.InsSelect, 0x6283) }},
	{ID: "data-withheld", Sign: "6985 to GET DATA",
		Cause:  "the product gives its card manager's data only within a secure channel",
		Cure:   "nothing is wrong; open a channel with the card's keys to read it",
		Source: "martinpaljak/GlobalPlatformPro 355",
		matches: func(s seen) bool {
			return s.is(gpc.InsGetData, 0x6985) && s.command.CLA == 0x80
		}},
}
