package api

import (
	"encoding/hex"
	"math/rand/v2"
	"strings"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/emulator/vm"
)

// lone is a runtime environment with one applet that is always selected.
type lone struct{ registered []byte }

func (l *lone) Register(_ *vm.Call, _ vm.Ref, aid []byte) bool {
	free := l.registered == nil
	l.registered = aid
	return free
}
func (l *lone) Manager() Manager                              { return NoManager{} }
func (l *lone) CurrentAID(*vm.Call) []byte                    { return nil }
func (l *lone) ServiceObject(*vm.Call, []byte) vm.Ref         { return 0 }
func (l *lone) ReSelecting(*vm.Call) bool                     { return false }
func (l *lone) SelectingApplet(*vm.Call) bool                 { return false }
func (l *lone) AIDOf(*vm.Call, vm.Instance) vm.Ref            { return 0 }
func (l *lone) LookupAID(*vm.Call, []byte) vm.Ref             { return 0 }
func (l *lone) ShareableObject(*vm.Call, []byte, int8) vm.Ref { return 0 }
func (l *lone) IsActive(*vm.Call, []byte) bool                { return false }
func (l *lone) IsSelected(*vm.Call, vm.Instance) bool         { return true }
func (l *lone) Protocol() int8                                { return 1 }
func (l *lone) Channel() int8                                 { return 0 }

// testingT is what a bench needs of a test, a benchmark or a property.
type testingT interface {
	require.TestingT
	Helper()
	Fatal(...any)
}

// bench is a machine whose natives a test calls from the runtime environment.
type bench struct {
	t       testingT
	machine *vm.VM
	c       *vm.Call // while run is going on
}

func newBench(t testingT) *bench {
	linked, err := Linked(&Product{})
	require.NoError(t, err)
	machine, err := vm.New(vm.Config{
		API: linked, Host: &lone{}, Random: rand.NewChaCha8([32]byte{1}),
		Limits: vm.Limits{NVMBytes: 100_000, RAMBytes: 8_000, CommitBytes: 2_000},
	})
	require.NoError(t, err)
	return &bench{t: t, machine: machine}
}

// try runs fn in the runtime environment and returns what stopped it.
func (b *bench) try(fn func()) error {
	return b.machine.Enter(func(c *vm.Call) {
		b.c = c
		fn()
	})
}

// run is try for what nothing may stop.
func (b *bench) run(fn func()) {
	b.t.Helper()
	require.NoError(b.t, b.try(fn))
}

// throws demands that fn throws an exception of a class with a reason.
func (b *bench) throws(class string, reason int, fn func()) {
	b.t.Helper()
	thrown := b.c.Try(fn)
	require.NotNil(b.t, thrown, "nothing was thrown")
	assert.Equal(b.t, class, thrown.Class)
	assert.Equal(b.t, int16(reason), thrown.Reason)
}

// descriptorOf returns the descriptor at the end of "name(...)result".
func descriptorOf(method string) string { return method[strings.IndexByte(method, '('):] }

// call invokes a method by "class.name" and descriptor.
func (b *bench) call(class, method string, this vm.Ref, args ...vm.Value) vm.Value {
	desc := descriptorOf(method)
	m, err := b.machine.Method(class, strings.TrimSuffix(method, desc), desc)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.c.Invoke(m, this, args...)
}

// array makes a persistent array with the given bytes.
func (b *bench) array(content []byte) vm.Ref {
	r := b.c.NewByteArray(len(content), vm.Persistent)
	b.c.PutBytes(r, 0, content)
	return r
}

func (b *bench) hexArray(content string) vm.Ref {
	raw, err := hex.DecodeString(content)
	require.NoError(b.t, err)
	return b.array(raw)
}

func (b *bench) content(r vm.Ref, off, n int) []byte {
	return append([]byte{}, b.c.Bytes(r, off, n)...)
}

func (b *bench) buildKey(code int8, bits int) vm.Ref {
	return b.call("javacard/security/KeyBuilder", "buildKey(BSZ)Ljavacard/security/Key;", 0,
		vm.Value(code), vm.Value(bits), 0).Ref()
}

// The curve P-256 (FIPS 186-4 §D.1.2.3).
var p256 = map[string]string{
	"setFieldFP": "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff",
	"setA":       "ffffffff00000001000000000000000000000000fffffffffffffffffffffffc",
	"setB":       "5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b",
	"setG": "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342" +
		"e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5",
	"setR": "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
}

func (b *bench) setP256(key vm.Ref, class string) {
	for method, value := range p256 {
		array := b.hexArray(value)
		b.call(class, method+"([BSS)V", key, vm.RefValue(array), 0, vm.Value(len(value)/2))
	}
	b.call(class, "setK(S)V", key, 1)
}

func (b *bench) p256Pair() (pair, public, private vm.Ref) {
	pair = b.c.NewObject("javacard/security/KeyPair")
	b.call("javacard/security/KeyPair", "<init>(BS)V", pair, pairEC, 256)
	public = b.call("javacard/security/KeyPair", "getPublic()Ljavacard/security/PublicKey;",
		pair).Ref()
	private = b.call("javacard/security/KeyPair", "getPrivate()Ljavacard/security/PrivateKey;",
		pair).Ref()
	b.setP256(public, "javacard/security/ECPublicKey")
	b.call("javacard/security/KeyPair", "genKeyPair()V", pair)
	return pair, public, private
}

func (b *bench) signature(code int8) vm.Ref {
	return b.call(signatureClass, "getInstance(BZ)Ljavacard/security/Signature;", 0, vm.Value(code),
		0).Ref()
}

func (b *bench) initSignature(signature, key vm.Ref, mode int) {
	b.call(signatureClass, "init(Ljavacard/security/Key;B)V", signature, vm.RefValue(key),
		vm.Value(mode))
}
