package pki

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/personalization/pki/keys/tpm/tpmtest"
	"ekrona.example/personalization/pki/revocation"
)

var noon = time.Date(2027, 6, 1, 12, 0, 0, 0, time.UTC)

// parties are a central bank with its root and an intermediary that trusts it, each in
// its folder, as on two machines.
type parties struct {
	t            *testing.T
	bank, nordic Folder
}

func newParties(t *testing.T) parties {
	p := parties{t, Open(filepath.Join(t.TempDir(), "bank"), seeded(1)),
		Open(filepath.Join(t.TempDir(), "nordic"), seeded(2))}
	root, err := p.bank.Root("root", subject(t, "SERIKSBK00001", spec.RoleRoot))
	require.NoError(t, err)
	anchor, err := root.Certificate.Anchor()
	require.NoError(t, err)
	_, err = p.nordic.Trust("root", root.Encoded, anchor)
	require.NoError(t, err)
	return p
}

// certified makes the root certify a key of the intermediary, and imports the certificate.
func (p parties) certified(name string, s Subject) *cvc.Certificate {
	p.t.Helper()
	encoded := p.issued(p.requested(name, s), s)
	c, err := p.nordic.Import(p.t.Context(), name, encoded)
	require.NoError(p.t, err)
	return c
}

func (p parties) requested(name string, s Subject) *cvc.Certificate {
	p.t.Helper()
	encoded, err := p.nordic.Request(p.t.Context(), name, s, "SERIKSBK00001")
	require.NoError(p.t, err)
	request, err := ParseRequest(encoded)
	require.NoError(p.t, err)
	return request
}

func (p parties) issued(request *cvc.Certificate, s Subject) []byte {
	p.t.Helper()
	encoded, err := p.bank.Issue(p.t.Context(), "root", request, s)
	require.NoError(p.t, err)
	return encoded
}

func TestCeremonyWithTheRootElsewhere(t *testing.T) {
	p := newParties(t)
	ca := p.certified("ca", subject(t, "SENORDIC00001", spec.RoleIntermediary))
	root, err := p.bank.Certificate("root")
	require.NoError(t, err)
	require.NoError(t, cvc.VerifyChain(day(t, "2027-06-01"), ca, root))
	identity, err := p.nordic.Identity(t.Context(), "ca")
	require.NoError(t, err)
	assert.Equal(t, ca, identity.Certificate)
	assert.NoFileExists(t, p.nordic.Path("root", keyFile), "the root's key is not here")
	assert.NoFileExists(t, p.bank.Path("ca", keyFile), "nor the CA's there")

	found, err := p.nordic.Check(t.Context(), noon)
	require.NoError(t, err)
	require.Len(t, found, 2)
	for _, f := range found {
		assert.Empty(t, f.Problem, f.Name)
	}
	assert.Equal(t, []Match{Matches, Elsewhere}, []Match{found[0].Key, found[1].Key})
}

func TestIssueIsRepeatableAndAHolderHasOneKey(t *testing.T) {
	p := newParties(t)
	s := subject(t, "SENORDIC00001", spec.RoleIntermediary)
	request := p.requested("ca", s)
	first := p.issued(request, s)
	assert.Equal(t, first, p.issued(request, s))
	shorter, longer := s, s
	shorter.Expiry, longer.Expiry = s.Expiry.AddDays(-100), s.Expiry.AddDays(-1)
	assert.Equal(t, first, p.issued(request, shorter), "what was issued serves as well")

	// Cut between the claim and the certificate.
	require.NoError(t, os.RemoveAll(p.bank.Path("root", issuedFolder)+
		"/SENORDIC00001.2030-12-31.cvc"))
	again := p.issued(request, longer)
	assert.NotEqual(t, first, again)
	other := p.requested("other", s)
	_, err := p.bank.Issue(t.Context(), "root", other, s)
	require.ErrorIs(t, err, ErrTaken)
}

func TestIssueRefuses(t *testing.T) {
	p := newParties(t)
	s := subject(t, "SENORDIC00001", spec.RoleIntermediary)
	request := p.requested("ca", s)
	change := func(s Subject, change func(*Subject)) Subject { change(&s); return s }
	elsewhere := *request
	elsewhere.Authority = "SERIKSBK00002"
	device := *request
	device.Holder, device.Role = "SENORDIC00000001", spec.RoleTerminal
	for name, row := range map[string]struct {
		request *cvc.Certificate
		subject Subject
		want    any
	}{
		"a request for another authority": {&elsewhere, s, ErrAuthority},
		"another holder than it asks for": {request,
			change(s, func(s *Subject) { s.Holder = "SENORDIC00002" }), ErrAuthority},
		"another role than it asks for": {request,
			change(s, func(s *Subject) { s.Role = spec.RoleNotary }), ErrAuthority},
		"a device by the root": {&device,
			Subject{device.Holder, device.Role, s.Effective, s.Expiry}, cvc.ErrIssuer},
		"longer than its signer": {request,
			change(s, func(s *Subject) { s.Expiry = s.Expiry.AddDays(1) }),
			"give an earlier last day"},
		"an end before the beginning": {request,
			change(s, func(s *Subject) { s.Expiry = s.Effective.AddDays(-1) }), cvc.ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := p.bank.Issue(t.Context(), "root", row.request, row.subject)
			if want, ok := row.want.(error); ok {
				require.ErrorIs(t, err, want)
			} else {
				require.ErrorContains(t, err, row.want.(string))
			}
		})
	}
}

// TestSuccessorEndsNoEarlier: no card would take such a key, and an Instruction that it has signed
// could never be applied.
func TestSuccessorEndsNoEarlier(t *testing.T) {
	p := newParties(t)
	s := subject(t, "SENORDIC00002", spec.RoleInstructionKey)
	p.certified("instruction", s)
	earlier := s
	earlier.Holder, earlier.Expiry = "SENORDIC00003", s.Expiry.AddDays(-1)
	require.ErrorIs(t, p.bank.MayIssue(t.Context(), "root", earlier), ErrSuccessor)
	request := p.requested("next", earlier)
	_, err := p.bank.Issue(t.Context(), "root", request, earlier)
	require.ErrorIs(t, err, ErrSuccessor)
	require.EqualError(t, err, "no card would take a successor that ends before the former key: "+
		"SENORDIC00003 would end on 2030-12-30, SENORDIC00002 ends on 2030-12-31: give 2030-12-31 "+
		"or a later last day")

	// A root that has lost what it certified: whoever has the former key refuses the successor.
	require.NoError(t, os.RemoveAll(p.bank.Path("root", issuedFolder)))
	encoded := p.issued(request, earlier)
	_, err = p.nordic.Import(t.Context(), "next", encoded)
	require.ErrorIs(t, err, ErrSuccessor)

	earlier.Expiry = s.Expiry
	_, err = p.nordic.Import(t.Context(), "next", p.issued(request, earlier))
	require.NoError(t, err, "on the same day it may end")
	_, err = p.nordic.Import(t.Context(), "instruction", p.issued(p.requested("instruction", s), s))
	require.NoError(t, err, "the former key's own certificate is no successor")

	// What is made in one step is checked too.
	root, err := p.bank.Identity(t.Context(), "root")
	require.NoError(t, err)
	notary := subject(t, "SENOTARY00001", spec.RoleNotary)
	_, err = p.bank.Certified("notary", notary, root)
	require.NoError(t, err)
	notary.Holder, notary.Expiry = "SENOTARY00002", notary.Expiry.AddDays(-1)
	_, err = p.bank.Certified("notary2", notary, root)
	require.ErrorIs(t, err, ErrSuccessor)

	ca := subject(t, "SENORDIC00001", spec.RoleIntermediary)
	p.certified("ca", ca)
	ca.Holder, ca.Expiry = "SENORDIC00004", ca.Expiry.AddDays(-1)
	p.certified("ca4", ca) // of CAs a card knows several
}

func TestRequestProvesPossession(t *testing.T) {
	p := newParties(t)
	s := subject(t, "SENORDIC00001", spec.RoleIntermediary)
	request, theirs := p.requested("ca", s), p.requested("other", s)
	request.PublicKey = theirs.PublicKey
	stolen, err := request.Encode()
	require.NoError(t, err)
	_, err = ParseRequest(stolen)
	require.ErrorIs(t, err, ErrPossession)
	certificate, err := os.ReadFile(p.bank.Path("root", certificateFile))
	require.NoError(t, err)
	_, err = ParseRequest(certificate)
	require.NoError(t, err, "a root asks for its link")
	_, err = ParseRequest(p.issued(theirs, s))
	require.ErrorIs(t, err, ErrPossession, "a certificate is no request")
}

func TestImportRefuses(t *testing.T) {
	p := newParties(t)
	s := subject(t, "SENORDIC00001", spec.RoleIntermediary)
	early := s
	early.Expiry = s.Expiry.AddDays(-30)
	request := p.requested("ca", s)
	former := p.issued(request, early)
	_, err := p.nordic.Import(t.Context(), "other", former)
	require.NoError(t, err, "without a key it may be kept")
	p.certified("ca", s)
	_, err = p.nordic.Import(t.Context(), "ca", former)
	require.ErrorIs(t, err, ErrEarlier)

	key := subject(t, "SENORDIC00002", spec.RoleInstructionKey)
	other := p.issued(p.requested("instruction", key), key)
	_, err = p.nordic.Import(t.Context(), "ca", other)
	require.ErrorContains(t, err, "is not the certificate's")
	_, err = p.nordic.Import(t.Context(), "other", other)
	require.ErrorIs(t, err, fs.ErrExist)

	stranger := Open(t.TempDir(), seeded(9))
	root, err := stranger.Root("root", subject(t, "SERIKSBK00001", spec.RoleRoot))
	require.NoError(t, err)
	_, err = p.nordic.Import(t.Context(), "stranger", root.Encoded)
	require.ErrorIs(t, err, ErrUntrusted, "a root comes in by its anchor alone")
	foreign, err := stranger.Issue(t.Context(), "root", request, s)
	require.NoError(t, err)
	_, err = p.nordic.Import(t.Context(), "ca", foreign)
	require.ErrorIs(t, err, cvc.ErrSignature)

	_, err = p.nordic.Trust("stranger", root.Encoded, message.Hash{1})
	require.ErrorIs(t, err, ErrAnchor)
	anchor, err := root.Certificate.Anchor()
	require.NoError(t, err)
	_, err = p.nordic.Trust("root", root.Encoded, anchor)
	require.ErrorIs(t, err, fs.ErrExist, "what is trusted is not replaced")
	_, err = p.nordic.Trust("ca", former, anchor)
	require.ErrorIs(t, err, ErrAnchor)
}

func TestLinkLeadsForward(t *testing.T) {
	p := newParties(t)
	later := subject(t, "SERIKSBK00002", spec.RoleRoot)
	later.Expiry = later.Expiry.AddDays(3650)
	next, err := p.bank.Root("root2", later)
	require.NoError(t, err)
	request, err := ParseRequest(next.Encoded)
	require.NoError(t, err)
	encoded, err := p.bank.Issue(t.Context(), "root", request, later)
	require.NoError(t, err)
	link, err := p.nordic.Import(t.Context(), "root2", encoded)
	require.NoError(t, err)
	assert.True(t, link.IsLink())

	// What the next root certifies leads to the former root, over the link.
	s := subject(t, "SENORDIC00003", spec.RoleIntermediary)
	asked, err := p.nordic.Request(t.Context(), "ca3", s, "SERIKSBK00002")
	require.NoError(t, err)
	request, err = ParseRequest(asked)
	require.NoError(t, err)
	encoded, err = p.bank.Issue(t.Context(), "root2", request, s)
	require.NoError(t, err)
	_, err = p.nordic.Import(t.Context(), "ca3", encoded)
	require.NoError(t, err)

	for name, holder := range map[string]cvc.Holder{"backwards": "SERIKSBK00000",
		"another name": "SENOTARY00009", "to itself": "SERIKSBK00001"} {
		t.Run(name, func(t *testing.T) {
			other := Open(t.TempDir(), seeded(7))
			s := subject(t, holder, spec.RoleRoot)
			root, err := other.Root("root", s)
			require.NoError(t, err)
			request, err := ParseRequest(root.Encoded)
			require.NoError(t, err)
			_, err = p.bank.Issue(t.Context(), "root", request, s)
			require.ErrorIs(t, err, ErrForward)
		})
	}
}

func TestRevokedIntermediary(t *testing.T) {
	p := newParties(t)
	s := subject(t, "SENORDIC00001", spec.RoleIntermediary)
	ca := p.certified("ca", s)
	desk := subject(t, "SENORDICDESK0001", spec.RoleDesk)
	asked, err := p.nordic.Request(t.Context(), "desk", desk, "SENORDIC00001")
	require.NoError(t, err)
	request, err := ParseRequest(asked)
	require.NoError(t, err)
	encoded, err := p.nordic.Issue(t.Context(), "ca", request, desk)
	require.NoError(t, err)

	first, err := p.bank.Revoke(t.Context(), "root", nil, revocation.Unspecified, noon,
		noon.AddDate(0, 1, 0))
	require.NoError(t, err)
	second, err := p.bank.Revoke(t.Context(), "root", []*cvc.Certificate{ca},
		revocation.CACompromise, noon, noon.AddDate(0, 1, 0))
	require.NoError(t, err)
	_, err = p.nordic.ImportList("root", second.Encoded)
	require.NoError(t, err)
	_, err = p.nordic.ImportList("root", second.Encoded)
	require.NoError(t, err, "the same again")
	_, err = p.nordic.ImportList("root", first.Encoded)
	require.ErrorIs(t, err, revocation.ErrOlder)
	_, err = p.nordic.ImportList("ca", second.Encoded)
	require.ErrorIs(t, err, revocation.ErrIssuer)

	_, err = p.nordic.Issue(t.Context(), "ca", request, desk)
	require.ErrorIs(t, err, revocation.ErrRevoked, "a revoked CA certifies nothing more")
	_, err = p.nordic.Import(t.Context(), "desk", encoded)
	require.ErrorIs(t, err, revocation.ErrRevoked, "nor is believed")
	found, err := p.nordic.Check(t.Context(), noon)
	require.NoError(t, err)
	assert.Contains(t, found[0].Problem, "revoked: cACompromise")
	found, err = p.nordic.Check(t.Context(), noon.AddDate(0, 2, 0))
	require.NoError(t, err)
	assert.Contains(t, found[1].Problem, "out of date")

	_, err = p.nordic.Revoke(t.Context(), "ca", []*cvc.Certificate{ca}, revocation.Unspecified,
		noon, noon.AddDate(0, 1, 0))
	require.ErrorIs(t, err, cvc.ErrIssuer, "one revokes what one has signed")
}

func TestCheckFindsWhatDoesNotBelongTogether(t *testing.T) {
	p := newParties(t)
	p.certified("ca", subject(t, "SENORDIC00001", spec.RoleIntermediary))
	problem := func(now time.Time) (Match, string) {
		t.Helper()
		found, err := p.nordic.Check(t.Context(), now)
		require.NoError(t, err)
		return found[0].Key, found[0].Problem
	}
	_, text := problem(noon.AddDate(5, 0, 0))
	assert.Contains(t, text, "not valid on this day")
	require.NoError(t, os.Remove(p.nordic.Path("ca", keyFile)))
	_, err := p.nordic.Key(t.Context(), "ca")
	require.NoError(t, err)
	match, text := problem(noon)
	assert.Equal(t, Wrong, match)
	assert.Contains(t, text, "is not the certificate's")
	require.NoError(t, os.Remove(p.nordic.Path("root", certificateFile)))
	_, text = problem(noon)
	assert.Contains(t, text, "import it")
}

// A party's folder works the same with a key in a TPM.
func TestFolderWithAKeyInATPM(t *testing.T) {
	m := tpmtest.New(t, t.TempDir())
	p := newParties(t)
	reference := "tpm:ca.tpm?device=" + m.Socket
	require.NoError(t, p.nordic.Refer("ca", reference))
	require.NoError(t, p.nordic.Refer("ca", reference), "the same again")
	require.ErrorIs(t, p.nordic.Refer("ca", "tpm:other.tpm"), fs.ErrExist)
	p.certified("ca", subject(t, "SENORDIC00001", spec.RoleIntermediary))
	assert.FileExists(t, filepath.Join(filepath.Dir(p.nordic.Path("ca", keyFile)), "ca.tpm"))

	// As host/sandbox opens its intermediaries.
	ca, err := p.nordic.Certified("ca", subject(t, "SENORDIC00001", spec.RoleIntermediary),
		Identity{})
	require.NoError(t, err)
	m.Restart()
	desk, err := p.nordic.Certified("desk", subject(t, "SENORDICDESK0001", spec.RoleDesk), ca)
	require.NoError(t, err)
	require.NoError(t, desk.Certificate.VerifyBy(ca.Certificate))
	require.NoError(t, ca.Close())
}

// TestSuccessorsEndLater: devices go forward by the certificate's end, so that a key with an
// earlier one, or a crisis key with the same, could never come; and a former crisis key is
// certified no more.
func TestSuccessorsEndLater(t *testing.T) {
	for _, role := range []spec.Role{spec.RoleNotary, spec.RoleInstructionKey,
		spec.RoleCrisisKey} {
		p := newParties(t)
		former := subject(t, "SENORDIC00001", role)
		former.Expiry = former.Expiry.AddDays(-10)
		request := p.requested("former", former)
		first := p.issued(request, former)
		next := former
		next.Holder = "SENORDIC00002"
		later := p.requested("next", next)
		_, err := p.bank.Issue(t.Context(), "root", later, next)
		if role == spec.RoleCrisisKey {
			require.ErrorIs(t, err, ErrSuccessor)
			require.ErrorIs(t, p.bank.MayIssue(t.Context(), "root", next), ErrSuccessor)
		} else {
			require.NoError(t, err, "an equal end is late enough")
		}
		other := subject(t, "SEFJORDB00001", role)
		other.Expiry = other.Expiry.AddDays(-20)
		p.issued(p.requested("other", other), other) // of another name: no successor
		next.Expiry = next.Expiry.AddDays(1)
		p.issued(later, next)
		require.Equal(t, first, p.issued(request, former), "what was issued serves as well")
		former.Expiry = next.Expiry
		_, err = p.bank.Issue(t.Context(), "root", request, former)
		if role == spec.RoleCrisisKey {
			require.ErrorIs(t, err, ErrFormer)
		} else {
			require.NoError(t, err, "an Instruction may still name it")
		}
	}
}
