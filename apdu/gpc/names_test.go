package gpc

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"ekrona.example/apdu"
)

func TestNames(t *testing.T) {
	for want, c := range map[string]apdu.Command{
		"INSTALL [for load]": {INS: InsInstall, P1: InstallLoad},
		"INSTALL [for install and make selectable]": {INS: InsInstall,
			P1: InstallInstall | InstallMakeSelectable},
		"INSTALL": {INS: InsInstall}, "LOAD": {INS: InsLoad}, "PUT KEY": {INS: InsPutKey},
		"": {INS: 0x20},
	} {
		assert.Equal(t, want, CommandName(c))
	}
	for s, want := range map[LifeCycle]string{OPReady: "OP_READY", Initialized: "INITIALIZED",
		Secured: "SECURED", CardLocked: "CARD_LOCKED", Terminated: "TERMINATED", 0x33: "state 33"} {
		assert.Equal(t, want, CardState(s))
	}
	for s, want := range map[LifeCycle]string{Installed: "INSTALLED", Selectable: "SELECTABLE",
		Selectable | LockedBit: "LOCKED", 0x0F: "state 0F"} {
		assert.Equal(t, want, ApplicationState(s))
	}
	assert.Equal(t, "AES-192", KeyTypeName(KeyTypeAES, 24))
	assert.Equal(t, "3DES", KeyTypeName(0x80, 16))
	assert.Equal(t, "type A1 of 128 bytes", KeyTypeName(0xA1, 128))
}
