package trace

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/apdu/gpc"
)

// AIDs of a package and an applet in it.
var packageAID, appletAID = []byte("\xF0EKRONA"), []byte("\xF0EKRONA\x01")

// answer is a response in lines.
func answer(c apdu.Command, r apdu.Response) string {
	return Text{}.Response(Decoder{}.Response(c, r))
}

// Commands to a card manager are decoded by their meaning, without their secrets.
func TestCommandsToACardManager(t *testing.T) {
	secret := bytes.Repeat([]byte{0xA7}, 40)
	install, err := gpc.ForInstall{
		LoadFile: packageAID, Module: appletAID, Instance: appletAID, Parameters: secret,
	}.Encode()
	require.NoError(t, err)
	keys := gpc.PutKey{
		Version: 0x30,
		Keys:    []gpc.NewKey{{Length: 16, Enciphered: secret[:16], Check: secret[:3]}},
	}.Encode()
	for _, row := range []struct {
		command apdu.Command
		want    []string
	}{
		{apdu.Command{INS: gpc.InsSelect, P1: gpc.P1ByName},
			[]string{"> SELECT\n", "the issuer security domain"}},
		{apdu.Command{INS: gpc.InsSelect, P1: gpc.P1ByName, Data: []byte{0xA0, 0, 0, 1, 0x51}},
			[]string{"> SELECT\n", "A000000151"}},
		{apdu.Command{CLA: 0x80, INS: gpc.InsInitializeUpdate, Data: []byte{1, 2}},
			[]string{"> INITIALIZE UPDATE\n", "the first one", "0102"}},
		{apdu.Command{CLA: 0x80, INS: gpc.InsInitializeUpdate, P1: 0x30},
			[]string{"key set                30"}},
		{apdu.Command{CLA: 0x84, INS: gpc.InsExternalAuthenticate, Data: secret},
			[]string{"> EXTERNAL AUTHENTICATE\n", "under secure messaging, 40 bytes"}},
		{apdu.Command{CLA: 0x80, INS: gpc.InsGetData, P1: 0x9F, P2: 0x7F},
			[]string{"> GET DATA\n", "9F7F"}},
		{apdu.Command{CLA: 0x80, INS: gpc.InsGetStatus, P1: gpc.StatusApplications},
			[]string{"> GET STATUS\n", "applications"}},
		{apdu.Command{CLA: 0x80, INS: gpc.InsSetStatus, P1: gpc.StatusISD, P2: byte(gpc.Secured)},
			[]string{"> SET STATUS\n", "80  to 0F"}},
		{apdu.Command{CLA: 0x80, INS: gpc.InsInstall, P1: gpc.InstallLoad,
			Data: gpc.ForLoad{LoadFile: packageAID}.Encode()},
			[]string{"> INSTALL [for load]\n", "F0454B524F4E41"}},
		{apdu.Command{CLA: 0x80, INS: gpc.InsInstall,
			P1: gpc.InstallInstall | gpc.InstallMakeSelectable, Data: install},
			[]string{"> INSTALL [for install and make selectable]\n", "F0454B524F4E4101",
				"40 bytes, hidden"}},
		{apdu.Command{CLA: 0x80, INS: gpc.InsInstall, P1: gpc.InstallInstall, Data: secret},
			[]string{"> INSTALL [for install]\n", "40 bytes, hidden"}},
		{apdu.Command{CLA: 0x80, INS: gpc.InsLoad, P2: 7, Data: secret},
			[]string{"> LOAD, block 7\n", "40 bytes"}},
		{apdu.Command{CLA: 0x80, INS: gpc.InsPutKey, Data: keys},
			[]string{"> PUT KEY\n", "30, in the place of none", "hidden"}},
		{apdu.Command{CLA: 0x80, INS: gpc.InsPutKey, P1: 1, Data: keys},
			[]string{"30, in the place of 01"}},
		{apdu.Command{CLA: 0x80, INS: gpc.InsStoreData, Data: secret},
			[]string{"> STORE DATA\n", "40 bytes, hidden"}},
		{apdu.Command{CLA: 0x80, INS: gpc.InsDelete, Data: []byte{0xD2, 1, 0xFF}},
			[]string{"> DELETE\n", "D201FF"}},
	} {
		text := Text{}.Command(Decoder{}.Command(row.command))
		for _, want := range row.want {
			assert.Contains(t, text, want)
		}
		assert.NotContains(t, text, fmt.Sprintf("%X", secret[:4]), "the secret is not shown")
		assert.True(t, strings.HasSuffix(text, "\n"))
	}
}

func TestAnswersOfACardManager(t *testing.T) {
	get := apdu.Command{CLA: 0x80, INS: gpc.InsGetData}
	assert.Equal(
		t,
		"< 9000 OK\n  0102\n",
		answer(get, apdu.Response{Data: []byte{1, 2}, SW: apdu.OK}),
	)
	assert.Equal(
		t,
		"< 6A88: "+gpc.Meaning(apdu.SWNotFound)+"\n",
		answer(get, apdu.Response{SW: apdu.SWNotFound}),
	)
	assert.Contains(t, answer(get, apdu.Response{SW: 0x6F42}), "no precise diagnosis, proprietary")
	get.CLA = 0x84
	assert.Equal(
		t,
		"< 9000 OK\n  under secure messaging, 2 bytes\n",
		answer(get, apdu.Response{Data: []byte{1, 2}, SW: apdu.OK}),
	)
	load := apdu.Command{CLA: 0x80, INS: gpc.InsLoad}
	assert.Equal(
		t,
		"< 9000 OK\n",
		answer(load, apdu.Response{Data: []byte{0}, SW: apdu.OK}),
		"nothing more to say",
	)
	applet := apdu.Command{INS: gpc.InsSelect, P1: gpc.P1ByName, Data: appletAID}
	assert.Contains(t, answer(applet, apdu.Response{SW: apdu.SWFileNotFound}),
		"application or load file not found")
}
