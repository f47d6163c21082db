package trace

import (
	"bytes"

	"ekrona/apdu"
	"ekrona/apdu/gpc"
	"ekrona/apdu/spec"
)

// isManagement tells whether a command is for a security domain: its class is
// GlobalPlatform's, or it selects something else than the applet.
func isManagement(c apdu.Command) bool {
	if c.INS == gpc.InsSelect && c.CLA == gpc.ClassISO {
		return c.P1 == gpc.P1ByName && !bytes.Equal(c.Data, []byte(spec.AppletAID))
	}
	secure := c.CLA&^gpc.ClassPlain == gpc.SecureBit
	return (c.CLA == gpc.ClassPlain || secure) && gpc.CommandName(c) != ""
}

// management shows a command to a security domain. Of keys, install parameters and
// cryptograms it shows the length, and nothing of what secure messaging hides.
func (p *printer) management(c apdu.Command) {
	name := gpc.CommandName(c)
	if c.INS == gpc.InsLoad {
		p.line("> %s, block %d", name, c.P2)
	} else {
		p.line("> %s", name)
	}
	p.depth = 1
	n := len(c.Data)
	switch {
	case c.CLA&gpc.SecureBit != 0:
		p.line("under secure messaging, %d bytes", n)
	case c.INS == gpc.InsSelect && n == 0:
		p.line("the issuer security domain")
	case c.INS == gpc.InsSelect:
		p.line("%-*s %X", nameWidth, "AID", c.Data)
	case c.INS == gpc.InsGetData:
		p.line("%-*s %02X%02X", nameWidth, "tag", c.P1, c.P2)
	case c.INS == gpc.InsInitializeUpdate:
		p.line("%-*s %s", nameWidth, "key set", keySet(c.P1))
		p.line("%-*s %X", nameWidth, "challenge", c.Data)
	case c.INS == gpc.InsGetStatus:
		p.line("%-*s %s", nameWidth, "of", listed[c.P1])
	case c.INS == gpc.InsSetStatus:
		p.line("%-*s %02X %X to %02X", nameWidth, "of", c.P1, c.Data, c.P2)
	case c.INS == gpc.InsInstall:
		p.install(c)
	case c.INS == gpc.InsPutKey && n > 0:
		p.line("%-*s %02X, in the place of %s", nameWidth, "key set", c.Data[0], replaced(c.P1))
		p.line("%-*s %d bytes, hidden", nameWidth, "keys", n-1)
	case c.INS == gpc.InsDelete:
		p.line("%-*s %X", nameWidth, "what", c.Data)
	case c.INS == gpc.InsLoad:
		p.line("%d bytes", n)
	case n > 0:
		p.line("%d bytes, hidden", n)
	}
}

// install shows the AIDs of INSTALL. The parameters hold the token.
func (p *printer) install(c apdu.Command) {
	if c.P1 == gpc.InstallLoad {
		if f, err := gpc.ParseForLoad(c.Data); err == nil {
			p.line("%-*s %X", nameWidth, "load file", f.LoadFile)
			return
		}
	}
	if f, err := gpc.ParseForInstall(c.Data); err == nil && c.P1&gpc.InstallInstall != 0 {
		p.line("%-*s %X", nameWidth, "load file", f.LoadFile)
		p.line("%-*s %X", nameWidth, "module", f.Module)
		p.line("%-*s %X", nameWidth, "instance", f.Instance)
		p.line("%-*s %d bytes, hidden", nameWidth, "parameters", len(f.Parameters))
		return
	}
	p.line("%d bytes, hidden", len(c.Data))
}

// listed are what P1 of GET STATUS asks for.
var listed = map[byte]string{
	gpc.StatusISD: "the issuer security domain", gpc.StatusApplications: "applications", gpc.StatusLoadFiles: "load files",
	gpc.StatusLoadFileModules: "load files and their modules",
}

func keySet(version byte) string {
	if version == gpc.DefaultKeyFirst {
		return "the first one"
	}
	return hexByte(version)
}

func replaced(version byte) string {
	if version == 0 {
		return "none, or the initial keys"
	}
	return hexByte(version)
}

// managementAnswer shows what a security domain answered.
func (p *printer) managementAnswer(c apdu.Command, r apdu.Response) {
	if r.SW == apdu.OK {
		p.line("< %s", r.SW.String())
	} else {
		p.line("< %04X: %s", uint16(r.SW), gpc.Meaning(r.SW))
	}
	p.depth = 1
	switch n := len(r.Data); {
	case n == 0 || n == 1 && r.Data[0] == 0: // nothing more to say (GPC §11.5.3.1)
	case c.CLA&gpc.SecureBit != 0:
		p.line("under secure messaging, %d bytes", n)
	default:
		p.line("%s", shortened(r.Data))
	}
}
