package vm

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// A developer reads the name of a reason, not only its number.
func TestReasons(t *testing.T) {
	const crypto = "javacard/security/CryptoException"
	for reason, want := range map[int16]string{-1: "", 0: "", 1: "ILLEGAL_VALUE",
		3: "NO_SUCH_ALGORITHM", 5: "ILLEGAL_USE", 6: ""} {
		assert.Equal(t, want, ReasonName(crypto, reason), reason)
	}
	assert.Empty(t, ReasonName("javacard/framework/ISOException", 1))
	assert.Empty(t, ReasonName("my/CryptoException", 1))
	e := &JavaException{Class: crypto, HasReason: true, Reason: 3, Where: "here"}
	assert.EqualError(t, e, crypto+" with reason 0x0003 NO_SUCH_ALGORITHM, thrown at here")
	e.Reason = 0x77
	assert.EqualError(t, e, crypto+" with reason 0x0077, thrown at here")
}
