package gpc

import "ekrona.example/apdu"

// installPurposes are the bits of P1 of INSTALL in the order in which they are named.
var installPurposes = []struct {
	bit  byte
	name string
}{
	{InstallLoad, "load"}, {InstallInstall, "install"}, {InstallMakeSelectable, "make selectable"},
	{InstallExtradition, "extradition"},
	{InstallPersonalization, "personalization"}, {InstallRegistryUpdate, "registry update"},
}

var names = map[byte]string{
	InsInitializeUpdate: "INITIALIZE UPDATE", InsExternalAuthenticate: "EXTERNAL AUTHENTICATE",
	InsSelect: "SELECT", InsGetData: "GET DATA",
	InsPutKey: "PUT KEY", InsStoreData: "STORE DATA", InsDelete: "DELETE", InsLoad: "LOAD",
	InsSetStatus: "SET STATUS", InsGetStatus: "GET STATUS",
}

// CommandName names a content management command as GPC does, "INSTALL [for load]";
// it is empty for others. It does not look at the class.
func CommandName(c apdu.Command) string {
	if c.INS != InsInstall {
		return names[c.INS]
	}
	name := ""
	for _, purpose := range installPurposes {
		switch {
		case c.P1&purpose.bit == 0:
		case name == "":
			name = "INSTALL [for " + purpose.name
		default:
			name += " and " + purpose.name
		}
	}
	if name == "" {
		return "INSTALL"
	}
	return name + "]"
}
