package card_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/emulator/card"
)

// Instructions of the guest, the client of the vault.
const (
	insConnect             = 0x10
	insDeposit             = 0x11
	insBalance             = 0x12
	insReadLeakedArray     = 0x13
	insLengthOfLeakedArray = 0x14
	insWriteLeakedArray    = 0x15
	insCopyLeakedArray     = 0x16
	insReadLeakedField     = 0x17
	insWriteLeakedField    = 0x18
	insCallLeakedObject    = 0x19
	insLendOwnArray        = 0x1A
	insLendBuffer          = 0x1B
	insCaller              = 0x1C
	insFail                = 0x1D
	insKeepBuffer          = 0x1E
	insKeepBufferStatic    = 0x1F
	insKeepAPDU            = 0x20
	insKeepInArray         = 0x21
	insLedgerStatics       = 0x22
	insCastToClass         = 0x23
	insAbortDeposit        = 0x24
	insTouchSession        = 0x25
	insMakeSession         = 0x26
	insTestLeakedObject    = 0x27
	insHoldLeakedObject    = 0x28

	insVaultBalance = 0x01 // of the vault itself

	swSecurity = "6F07"
)

var (
	vaultPackage  = aid("F050524F4203")
	vaultModule   = aid("F050524F420301")
	vaultInstance = aid("F050524F42030A")
	guestPackage  = aid("F050524F4204")
	guestModule   = aid("F050524F420401")
	guestInstance = aid("F050524F42040A")
	otherInstance = aid("F050524F42040B") // of the guest's package, but not the vault's client
)

// newVault is a card with the vault and two guests, of which the first is welcome.
func newVault(t *testing.T) bench {
	t.Helper()
	b := newBench(t, card.P71)
	b.load("lib", "vault", "guest")
	for _, in := range []struct {
		module, instance card.AID
		parameters       []byte
	}{
		{vaultModule, vaultInstance, guestInstance},
		{guestModule, guestInstance, nil},
		{guestModule, otherInstance, nil},
	} {
		_, err := b.Install(in.module, in.instance, in.parameters)
		require.NoError(t, err)
	}
	b.selectApplet(guestInstance)
	return b
}

// JCRE 3.0.5 §6.2: what one applet may do with the objects of another.
func TestFirewall(t *testing.T) {
	b := newVault(t)
	service := byte(0x17)
	run(t, b, []row{
		{"no service yet", insBalance, 0, 0, "", "6F00"},
		{"no such server", insConnect, service, 0, "F050524F42030B", "02 9000"},
		{"another service", insConnect, 0x18, 0, vaultInstance.String(), "00 9000"},
		{"the service", insConnect, service, 0, vaultInstance.String(), "01 9000"},
		{"call it", insDeposit, 0x01, 0x00, "", "0100 9000"},
		{"and again", insDeposit, 0x00, 0x11, "", "0111 9000"},
		{"its state", insBalance, 0, 0, "", "0111 9000"},
		{"the caller is known by its AID", insCaller, 0, 0, "", "070A 9000"},
		{"its exception passes with its reason", insFail, 0x12, 0x34, "", "1234 9000"},
		{"a transaction covers its objects", insAbortDeposit, 0x10, 0x00, "", "0111 9000"},

		{"element of its array", insReadLeakedArray, 0, 0, "", swSecurity},
		{"length of its array", insLengthOfLeakedArray, 0, 0, "", swSecurity},
		{"write its array", insWriteLeakedArray, 0, 0, "", swSecurity},
		{"API on its array", insCopyLeakedArray, 0, 0, "", swSecurity},
		{"field of its object", insReadLeakedField, 0, 0, "", swSecurity},
		{"write a field of its object", insWriteLeakedField, 0, 0, "", swSecurity},
		{"method of its object", insCallLeakedObject, 0, 0, "", swSecurity},
		{"type of its object", insTestLeakedObject, 0, 0, "", swSecurity},
		{"hold and compare its object", insHoldLeakedObject, 0, 0, "", "01 9000"},
		{"cast the service to a class", insCastToClass, 0, 0, "", swSecurity},

		{"lend an own array", insLendOwnArray, 0, 0, "", swSecurity},
		{"lend the APDU buffer, a global array", insLendBuffer, 2, 3, "", "0020 9000"},
		{"keep the APDU buffer in a field", insKeepBuffer, 0, 0, "", swSecurity},
		{"keep it in a static field", insKeepBufferStatic, 0, 0, "", swSecurity},
		{"keep it in an array", insKeepInArray, 0, 0, "", swSecurity},
		{"keep the APDU object", insKeepAPDU, 0, 0, "", swSecurity},

		{"statics of another package are free to all", insLedgerStatics, 0, 1, "", "000A 9000"},
		{"its CLEAR_ON_DESELECT memory while it is not selected", insTouchSession, 0, 0, "",
			swSecurity},
		{"make such memory: SystemException.ILLEGAL_TRANSIENT", insMakeSession, 0, 0, "", "6F33"},
		{"all the same, the service goes on", insBalance, 0, 0, "", "0111 9000"},
	})
	b.selectApplet(otherInstance)
	run(t, b, []row{
		{"a client that is not welcome", insConnect, service, 0, vaultInstance.String(), "00 9000"},
	})
	b.selectApplet(vaultInstance)
	run(t, b, []row{
		{"the vault, selected", insVaultBalance, 0, 0, "", "0111 9000"},
	})
	b.Reset()
	b.selectApplet(guestInstance)
	run(t, b, []row{
		{"the service outlives a reset", insDeposit, 0, 1, "", "0112 9000"},
	})
}

// JCRE 3.0.5 §11.3.4: what is referred to is not deleted.
func TestDeleteWhatIsReferredTo(t *testing.T) {
	b := newVault(t)
	refused := func(name card.AID) {
		t.Helper()
		require.ErrorIs(t, b.Delete(name), card.ErrRefused, name)
	}
	refused(libPackage)   // imported
	refused(vaultPackage) // imported, and has an instance
	refused(guestPackage) // has instances
	require.NoError(t, b.Delete(otherInstance))
	refused(otherInstance) // is gone

	b.selectApplet(guestInstance)
	require.Equal(t, "019000", b.send(insConnect, 0x17, 0, vaultInstance...))
	refused(vaultInstance) // the guest holds its service
	b.selectApplet(guestInstance)
	assert.Equal(t, "00019000", b.send(insDeposit, 0, 1), "all is as before")

	for _, name := range []card.AID{guestInstance, guestPackage, vaultInstance, vaultPackage,
		libPackage} {
		require.NoError(t, b.Delete(name), name)
	}
	assert.Empty(t, b.Applets())
	assert.Empty(t, b.Packages())
	memory, err := b.Memory()
	require.NoError(t, err)
	blank, err := newBench(t, card.P71).Memory()
	require.NoError(t, err)
	assert.Equal(t, blank, memory, "all memory is free again")
}
