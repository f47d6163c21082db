package globalplatform

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/apdu/gpc"
	"ekrona.example/apdu/scp03"
	"ekrona.example/emulator/card"
)

// The applet probe.managed, two instances of it.
var (
	managedPackage  = unhex("F050524F4206")
	managedModule   = unhex("F050524F420601")
	managedInstance = unhex("F050524F42060A")
	servingInstance = unhex("F050524F42060B")
)

// newManaged is a card with two instances of probe.managed, the first of them selected.
func newManaged(t *testing.T, privileges, serving gpc.Privileges) *bench {
	t.Helper()
	b := newBench(t)
	c := b.open(scp03.Options{Level: scp03.CMAC})
	require.NoError(t, c.Load(t.Context(), managedPackage, block(t, "managed")))
	for instance, p := range map[string]gpc.Privileges{string(managedInstance): privileges,
		string(servingInstance): serving} {
		require.NoError(t, c.Install(t.Context(), gpc.ForInstall{
			LoadFile: managedPackage, Module: managedModule, Instance: []byte(instance),
			Privileges: p,
		}))
	}
	b.choose(managedInstance)
	return b
}

func (b *bench) choose(aid []byte) {
	b.t.Helper()
	require.Equal(b.t, "9000", b.send("00A40400", fmt.Sprintf("%X", aid)))
}

func TestLifeCycleOfAnApplet(t *testing.T) {
	b := newManaged(t, 0, 0)
	assert.Equal(t, "0107039000", b.exchange("80100000"),
		"card, applet, applet in its install method")
	for state, want := range map[string]string{"03": "00", "06": "00", "87": "00", "80": "00"} {
		assert.Equal(t, want+"9000", b.exchange("8011"+state+"00"), state)
	}
	assert.Equal(t, "019000", b.exchange("80110F00"))
	b.reopen()
	b.choose(managedInstance)
	assert.Equal(t, "010F039000", b.exchange("80100000"), "it outlives the power")
	assert.Contains(t, b.view(), "{F050524F42060A F ", "and GET STATUS shows it")

	assert.Equal(t, "0F9000", b.exchange("80120200"), "the entry says so too")
	assert.Equal(t, "6A83", b.send("80120200", fmt.Sprintf("%X", servingInstance)),
		"another's entry needs a privilege")
	assert.Equal(t, "009000", b.exchange("80120403"), "not back to INSTALLED")
	assert.Equal(t, "019000", b.exchange("80120480"), "an applet may lock itself")
	assert.Equal(t, "6A82", b.send("00A40400", fmt.Sprintf("%X", managedInstance)))
}

func TestRegistryEntries(t *testing.T) {
	b := newManaged(t, gpc.PrivilegeGlobalRegistry|gpc.PrivilegeGlobalLock,
		gpc.PrivilegeCVMManagement)
	serving := fmt.Sprintf("%X", servingInstance)
	assert.Equal(t, "F050524F42060A9000", b.exchange("80120000"))
	assert.Equal(t, "000C009000", b.exchange("80120100"))
	assert.Equal(t, "F050524F42060B9000", b.send("80120000", serving))
	assert.Equal(t, "0200009000", b.send("80120100", serving))
	assert.Equal(t, "6A83", b.send("80120000", "F050524F42060C"), "no such applet")
	for number, want := range map[byte]string{6: "01", 5: "00", 13: "00", 23: "00", 24: "00",
		255: "00"} {
		assert.Equal(t, want+"9000", b.send(fmt.Sprintf("801203%02X", number), serving),
			"privilege %d", number)
	}
	assert.Equal(t, "019000", b.exchange("80120600"), "one entry for one applet")
	assert.Equal(t, "009000", b.exchange("80120500"), "it is not its own security domain")
	assert.Equal(t, "019000", b.send("80120480", serving), "locked by global lock")
	assert.Equal(t, "879000", b.send("80120200", serving))
	assert.Equal(t, "009000", b.send("80120480", serving), "is locked already")
	assert.Equal(t, "019000", b.send("80120400", serving), "unlocked")
	b.choose(servingInstance)
	assert.Equal(t, "079000", b.exchange("80120200"))

	b.open(scp03.Options{Level: scp03.Plain})
	assert.Equal(t, "009000", b.send("80E40000", "4F07"+serving),
		"an entry does not keep its applet on the card")
}

func TestAppletsLockAndTerminateTheCard(t *testing.T) {
	b := newManaged(t, 0, gpc.PrivilegeCardLock|gpc.PrivilegeCardTerminate)
	assert.Equal(t, "009000", b.exchange("80130000"), "without the privilege")
	assert.Equal(t, "009000", b.exchange("80130100"), "without the privilege")
	b.choose(servingInstance)
	assert.Equal(t, "009000", b.exchange("80130000"), "not from OP_READY")
	assert.Equal(t, "009000", b.exchange("80130200"), "the historical bytes are the product's")
	b.open(scp03.Options{Level: scp03.Plain})
	require.Equal(t, "9000", b.exchange("80F08007"))
	require.Equal(t, "9000", b.exchange("80F0800F"))
	b.choose(servingInstance)
	assert.Equal(t, "019000", b.exchange("80130000"))
	assert.Equal(t, "7F07039000", b.exchange("80100000"))
	assert.Equal(t, "019000", b.exchange("80130100"))
	assert.Equal(t, "6985", b.exchange("80100000"), "a terminated card")
	b.reopen()
	assert.Equal(t, gpc.Terminated, b.state.life)
}

// The security domain's channel, opened by an applet at every level of SCP03.
func TestSecureChannelOfAnApplet(t *testing.T) {
	for _, level := range []scp03.Level{scp03.Plain, scp03.CMAC, scp03.CMACEncryption,
		scp03.CMACRMAC, scp03.CMACEncryptionRMAC, scp03.Full} {
		for _, wide := range []bool{false, true} {
			b := newManaged(t, 0, 0)
			ch, err := scp03.Open(t.Context(), b.Card,
				scp03.Options{Keys: scp03.TestKeys(), Level: level, S16: wide, Random: b.random})
			require.NoError(t, err, level)
			for n := range 3 {
				data := bytes.Repeat([]byte{byte(n)}, n*17)
				response, err := ch.Transmit(t.Context(),
					apdu.Command{CLA: 0x80, INS: 0x15, Data: data, Ne: 256})
				require.NoError(t, err, level)
				assert.Equal(t, apdu.OK, response.SW, level)
				assert.Equal(t, data, append([]byte{}, response.Data...), level)
			}
			response, err := ch.Transmit(t.Context(), apdu.Command{CLA: 0x80, INS: 0x14, Ne: 256})
			require.NoError(t, err)
			assert.Equal(t, []byte{0x80 | byte(level), 1}, response.Data, level)
			if level != scp03.Plain {
				assert.Equal(t, "6982", b.exchange("8015000000"),
					"a command in the clear ends the session")
				assert.Equal(t, "6982", b.exchange("8014000000"))
			}
			b.choose(servingInstance)
			b.choose(managedInstance)
			assert.Equal(t, "00019000", b.exchange("80140000"), "no session after a deselection")
			assert.Equal(t, "6982", b.exchange("84140000"), "protection without a session")
		}
	}
}

func TestSecureChannelRefuses(t *testing.T) {
	b := newManaged(t, 0, 0)
	assert.Equal(t, "6E00", b.exchange("00500000080102030405060708"), "the class")
	assert.Equal(t, "6D00", b.exchange("807A000000"), "an instruction that is not the channel's")
	assert.Equal(t, "6985", b.exchange("8482000010"+"00112233445566778899AABBCCDDEEFF"),
		"no INITIALIZE UPDATE")
	assert.Equal(t, "6982", b.send("80160000", "00112233445566778899AABBCCDDEEFF"),
		"sensitive data without a session")
	_, err := b.tryOpenApplet(otherKeys(1, 16))
	require.Error(t, err)
	before := b.state.set(gpc.InitialKeySet).sequence
	b.exchange("80500000080102030405060708")
	assert.Equal(t, before+1, b.state.set(gpc.InitialKeySet).sequence, "sessions are counted")
	assert.Equal(t, "6300", b.exchange("8482000010"+"00112233445566778899AABBCCDDEEFF"))
	assert.Equal(t, byte(maxTries-1), b.state.set(gpc.InitialKeySet).tries,
		"a wrong cryptogram costs a try")
	b.reopen()
	assert.Equal(t, byte(maxTries-1), b.state.set(gpc.InitialKeySet).tries,
		"that outlives the power")
}

func (b *bench) tryOpenApplet(keys scp03.Keys) (*scp03.Channel, error) {
	return scp03.Open(b.t.Context(), b.Card, scp03.Options{Keys: keys, Random: b.random})
}

// A power cut at any write of the opening loses no count of sessions or tries.
func TestCutsWhileAnAppletOpensTheChannel(t *testing.T) {
	for cut := 1; ; cut++ {
		b := newManaged(t, 0, 0)
		b.CutBefore(cut)
		_, err := b.TransmitBytes(unhex("80500000080102030405060708"))
		if err == nil {
			assert.Greater(t, cut, 1)
			return
		}
		require.ErrorIs(t, err, card.ErrPowerLost)
		require.NoError(t, b.Reset())
		b.choose(managedInstance)
		_, err = b.tryOpenApplet(scp03.TestKeys())
		require.NoError(t, err)
	}
}

func TestSensitiveDataOfAnApplet(t *testing.T) {
	b := newManaged(t, 0, 0)
	keys := scp03.TestKeys()
	ch, err := b.tryOpenApplet(keys)
	require.NoError(t, err)
	plain := bytes.Repeat([]byte{7}, 32)
	send := func(p1, p2 byte, data []byte) apdu.Response {
		response, err := ch.Transmit(t.Context(),
			apdu.Command{CLA: 0x80, INS: 0x16, P1: p1, P2: p2, Data: data, Ne: 256})
		require.NoError(t, err)
		return response
	}
	block, err := aes.NewCipher(keys.DEK)
	require.NoError(t, err)
	want := make([]byte, len(plain))
	cipher.NewCBCEncrypter(block, make([]byte, 16)).CryptBlocks(want, plain)
	assert.Equal(t, want, send(1, 0, plain).Data)
	assert.Equal(t, plain, send(0, 0, want).Data)
	assert.Equal(t, apdu.SWWrongLength, send(0, 0, want[:15]).SW)
}

// SecureChannelx.setSecurityLevel goes no lower than EXTERNAL AUTHENTICATE asked for.
func TestSecurityLevels(t *testing.T) {
	b := newManaged(t, 0, 0)
	ch, err := scp03.Open(t.Context(), b.Card,
		scp03.Options{Keys: scp03.TestKeys(), Level: scp03.CMAC, Random: b.random})
	require.NoError(t, err)
	set := func(level byte) apdu.StatusWord {
		response, err := ch.Transmit(t.Context(),
			apdu.Command{CLA: 0x80, INS: 0x14, P1: 1, P2: level, Ne: 256})
		require.NoError(t, err)
		return response.SW
	}
	assert.Equal(t, apdu.SWConditions, set(0))
	assert.Equal(t, apdu.SWConditions, set(0x21), "no such level")
	assert.Equal(t, apdu.OK, set(0x81))
}

// A cardholder verification method that one applet serves to all.
func TestGlobalServices(t *testing.T) {
	b := newManaged(t, 0, gpc.PrivilegeGlobalService)
	assert.Equal(t, "6985", b.exchange("80170000"), "without the privilege")
	assert.Equal(t, "6A83", b.send("80170200", "1234"), "nobody serves it")
	assert.Equal(t, "009000", b.exchange("80170300"))
	b.choose(servingInstance)
	assert.Equal(t, "9000", b.exchange("80170000"))
	assert.Equal(t, "6985", b.exchange("80170000"), "twice")
	b.reopen()
	b.choose(managedInstance)
	assert.Equal(t, "019000", b.exchange("80170300"))
	assert.Equal(t, "FF029000", b.send("80170200", "1235"))
	assert.Equal(t, "00039000", b.send("80170200", "1234"))
	b.choose(servingInstance)
	assert.Equal(t, "9000", b.exchange("80170100"))
	assert.Equal(t, "6985", b.exchange("80170100"), "twice")
	b.choose(managedInstance)
	assert.Equal(t, "6A83", b.send("80170200", "1234"))
	b.choose(servingInstance)
	require.Equal(t, "9000", b.exchange("80170000"))
	b.open(scp03.Options{Level: scp03.Plain})
	require.Equal(t, "009000", b.send("80E40000", fmt.Sprintf("4F07%X", servingInstance)))
	assert.Empty(t, b.state.services, "a service goes with its applet")
}

// STORE DATA after INSTALL [for personalization] goes to the applet (GPC §7.3.3).
func TestPersonalization(t *testing.T) {
	b := newManaged(t, 0, 0)
	b.open(scp03.Options{Level: scp03.CMACEncryption})
	b.open(scp03.Options{Level: scp03.Plain})
	forPersonalization := "000007" + fmt.Sprintf("%X", managedInstance) + "000000"
	require.Equal(t, "009000", b.send("80E62000", forPersonalization))
	assert.Equal(t, "5A9000", b.send("80E20000", "010203"))
	assert.Equal(t, "6700", b.send("80E20001", fmt.Sprintf("%X", make([]byte, 100))),
		"what the applet refuses leaves it open")
	assert.Equal(t, "5A9000", b.send("80E28002", "0405"))
	assert.Equal(t, "6A86", b.send("80E28003", "0405"),
		"the last block ended it: this is for the domain")
	b.choose(managedInstance)
	assert.Equal(t, "80E2800202"+"0405"+"9000", b.exchange("80180000"),
		"the applet got the command")

	b.open(scp03.Options{Level: scp03.Plain})
	loadProbe(t, b.open(scp03.Options{Level: scp03.Plain}))
	require.NoError(t, b.open(scp03.Options{}).Install(t.Context(),
		gpc.ForInstall{LoadFile: corePackage, Module: coreModule, Instance: coreInstance}))
	assert.Equal(t, "6985", b.send("80E62000", "000007"+fmt.Sprintf("%X", coreInstance)+"000000"),
		"an applet that takes nothing")
}

// A card without a manager has its applets' states, and neither channel nor services.
func TestAppletOnACardWithoutManager(t *testing.T) {
	c, err := card.New(card.Options{Profile: card.P71, Random: card.SeededRandom(t.Name())})
	require.NoError(t, err)
	_, err = c.LoadBlock(block(t, "managed"))
	require.NoError(t, err)
	_, err = c.Install(managedModule, managedInstance, nil)
	require.NoError(t, err)
	exchange := func(command string) string {
		answer, err := c.TransmitBytes(unhex(command))
		require.NoError(t, err)
		return fmt.Sprintf("%X", answer)
	}
	require.Equal(t, "9000", exchange("00A4040007"+fmt.Sprintf("%X", managedInstance)))
	assert.Equal(t, "0107039000", exchange("80100000"))
	assert.Equal(t, "019000", exchange("80110F00"))
	c.Reset()
	require.Equal(t, "9000", exchange("00A4040007"+fmt.Sprintf("%X", managedInstance)))
	assert.Equal(t, "010F039000", exchange("80100000"))
	assert.Equal(t, "0000009000", exchange("80120100"))
	assert.Equal(t, "009000", exchange("80130000"))
	assert.Equal(t, "6A83", exchange("80170200021234"))
	assert.Equal(t, "6F00", exchange("80140000"), "a channel of null")
}

// A card whose manager serves its applets alone: a session ends with the selection and
// with the power.
func TestManagerBesideTheCommands(t *testing.T) {
	c, err := card.New(card.Options{Profile: card.P71, Random: card.SeededRandom(t.Name())})
	require.NoError(t, err)
	m, err := New(c, Options{Random: card.SeededRandom("manager")})
	require.NoError(t, err)
	m.Leave()
	_, err = c.LoadBlock(block(t, "managed"))
	require.NoError(t, err)
	for _, instance := range [][]byte{managedInstance, servingInstance} {
		_, err = c.Install(managedModule, instance, nil)
		require.NoError(t, err)
	}
	level := func() string {
		answer, err := c.TransmitBytes(unhex("80140000"))
		require.NoError(t, err)
		return fmt.Sprintf("%X", answer)
	}
	choose := func(aid []byte) {
		_, err := c.TransmitBytes(unhex(fmt.Sprintf("00A4040007%X", aid)))
		require.NoError(t, err)
	}
	open := func() {
		choose(managedInstance)
		_, err := scp03.Open(t.Context(), c, scp03.Options{Keys: scp03.TestKeys()})
		require.NoError(t, err)
		require.Equal(t, "80019000", level())
	}
	open()
	choose(servingInstance)
	assert.Equal(t, "00019000", level(), "another applet")
	open()
	c.Reset()
	choose(managedInstance)
	assert.Equal(t, "00019000", level(), "after a reset")
}
