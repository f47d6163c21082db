package crisis

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
)

// scheme is a root with what it certified.
type scheme struct {
	t    *testing.T
	root *cvc.Certificate
	keys map[string]*ecdsa.PrivateKey
}

func day(n int) message.Date {
	first, _ := message.ParseDate("2027-03-01")
	return first.AddDays(n)
}

func newScheme(t *testing.T) *scheme {
	s := &scheme{t: t, keys: map[string]*ecdsa.PrivateKey{}}
	s.root = s.certificate("SERIKSBK00001", spec.RoleRoot, 1000)
	return s
}

func (s *scheme) certificate(holder string, role spec.Role, last int) *cvc.Certificate {
	seed := sha256.Sum256([]byte("a test key and nothing else: " + holder))
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), seed[:])
	require.NoError(s.t, err)
	s.keys[holder] = key
	c := &cvc.Certificate{Authority: "SERIKSBK00001", PublicKey: &key.PublicKey,
		Holder: cvc.Holder(holder), Role: role, Effective: day(0), Expiry: day(last)}
	require.NoError(s.t, c.Sign(s.keys["SERIKSBK00001"]))
	return c
}

func (s *scheme) encoded(c *cvc.Certificate) []byte {
	b, err := c.Encode()
	require.NoError(s.t, err)
	return b
}

// carried signs an order of a number, from day 1 to 7.
func (s *scheme) carried(
	key, notary *cvc.Certificate, number uint32, rows ...message.CrisisRow,
) Carried {
	return s.carriedFrom(1, key, notary, number, rows...)
}

// carriedFrom signs one of seven days.
func (s *scheme) carriedFrom(
	first int, key, notary *cvc.Certificate, number uint32, rows ...message.CrisisRow,
) Carried {
	o := &message.CrisisOrder{CrisisKey: message.AuthorityRef(key.Holder),
		Notary: message.AuthorityRef(notary.Holder), Number: number, From: day(first),
		Until: day(first + 6), Rows: rows}
	require.NoError(s.t, message.SignAs(o, message.ByCrisisKey, s.keys[string(key.Holder)]))
	require.NoError(s.t, message.SignAs(o, message.ByNotary, s.keys[string(notary.Holder)]))
	b, err := message.Encode(o)
	require.NoError(s.t, err)
	return Carried{b, s.encoded(key), s.encoded(notary)}
}

// TestTakeFollowsTheCardsRule: newer key first, then the higher number, then what was told.
func TestTakeFollowsTheCardsRule(t *testing.T) {
	s := newScheme(t)
	notary := s.certificate("SENOTARY00001", spec.RoleNotary, 400)
	former := s.certificate("SECRISIS00001", spec.RoleCrisisKey, 300)
	newer := s.certificate("SECRISIS00002", spec.RoleCrisisKey, 301)
	take := func(h Held, c Carried) (Held, error) { return h.Take(s.root, c, nil, day(1)) }
	held, err := take(Held{}, s.carried(former, notary, 3))
	require.NoError(t, err)
	require.Equal(t, uint32(3), held.Number())
	for number := uint32(1); number <= 3; number++ {
		again, err := take(held, s.carried(former, notary, number))
		require.ErrorIs(t, err, ErrOld)
		require.Equal(t, held, again)
	}
	most, err := take(held, s.carried(former, notary, 1<<32-1))
	require.NoError(t, err)
	cured, err := take(most, s.carried(newer, notary, 4))
	require.NoError(t, err, "a thief's highest number yields to the next key")
	require.Equal(t, uint32(4), cured.Number())
	key := Carried{CrisisKey: s.encoded(newer)}
	dropped, err := take(most, key)
	require.NoError(t, err)
	require.Zero(t, dropped.Number(), "the key alone drops it")
	_, err = take(dropped, s.carried(former, notary, 5))
	require.ErrorIs(t, err, ErrOldKey)
	without := s.carried(former, notary, 5)
	without.CrisisKey = nil
	_, err = take(dropped, without)
	require.ErrorIs(t, err, ErrOldKey)
	told := cured.Told(5)
	require.Nil(t, told.Order)
	require.Equal(t, uint32(4), told.Number())
	_, err = take(told, s.carried(newer, notary, 4))
	require.ErrorIs(t, err, ErrOld)
	require.Equal(t, cured.Order, cured.Told(4).Order, "its own number is good")
	require.Equal(t, cured.Order, cured.Told(1).Order)
}

// TestAnOrderThatCountsStaysUntilTheNextBegins: one that was made for later, and comes too soon,
// would leave the device with no raised limits until then.
func TestAnOrderThatCountsStaysUntilTheNextBegins(t *testing.T) {
	s := newScheme(t)
	notary := s.certificate("SENOTARY00001", spec.RoleNotary, 400)
	key := s.certificate("SECRISIS00001", spec.RoleCrisisKey, 300)
	first, later := s.carried(key, notary, 1), s.carriedFrom(5, key, notary, 2)
	counts := func(held Held, today int) bool { return held.Counts(day(today)) }
	held, err := Held{}.Take(s.root, first, nil, day(1))
	require.NoError(t, err)
	for today := 1; today < 5; today++ {
		again, err := held.Take(s.root, later, nil, day(today))
		require.ErrorIs(t, err, ErrEarly)
		require.Equal(t, held, again)
		require.True(t, counts(again, today))
	}
	next, err := held.Take(s.root, later, nil, day(5))
	require.NoError(t, err)
	require.Equal(t, uint32(2), next.Number())
	require.True(t, counts(next, 5))

	waiting, err := Held{}.Take(s.root, later, nil, day(1))
	require.NoError(t, err, "a device without one can be prepared")
	require.False(t, counts(waiting, 1))
	_, err = waiting.Take(s.root, s.carriedFrom(6, key, notary, 3), nil, day(1))
	require.NoError(t, err, "nothing that counts is lost")
	newer := s.certificate("SECRISIS00002", spec.RoleCrisisKey, 301)
	cured, err := held.Take(s.root, s.carriedFrom(5, newer, notary, 2), nil, day(1))
	require.NoError(t, err, "a later crisis key ends what thieves have signed")
	require.Equal(t, uint32(2), cured.Number())
}

// TestTakeRefusesWhatIsNotGenuine changes one thing in an order that would be taken.
func TestTakeRefusesWhatIsNotGenuine(t *testing.T) {
	s := newScheme(t)
	notary := s.certificate("SENOTARY00001", spec.RoleNotary, 400)
	key := s.certificate("SECRISIS00001", spec.RoleCrisisKey, 300)
	short := s.certificate("SECRISIS00002", spec.RoleCrisisKey, 6)
	genuine := s.carried(key, notary, 3)
	held, err := Held{}.Take(s.root, genuine, nil, day(1))
	require.NoError(t, err)
	require.NotNil(t, held.Order)
	for name, change := range map[string]func(c *Carried){
		"crisis key's signature": func(c *Carried) { c.Order[len(c.Order)-70] ^= 1 },
		"notary's signature":     func(c *Carried) { c.Order[len(c.Order)-1] ^= 1 },
		"body":                   func(c *Carried) { c.Order[10] ^= 1 },
		"key's certificate":      func(c *Carried) { c.CrisisKey[len(c.CrisisKey)-1] ^= 1 },
		"notary's certificate":   func(c *Carried) { c.Notary[len(c.Notary)-1] ^= 1 },
		"notary as crisis key":   func(c *Carried) { c.CrisisKey = c.Notary },
		"crisis key as notary":   func(c *Carried) { c.Notary = c.CrisisKey },
		"key that ends before":   func(c *Carried) { *c = s.carried(short, notary, 3) },
	} {
		c := s.carried(key, notary, 3)
		change(&c)
		held, err := Held{}.Take(s.root, c, nil, day(1))
		require.Error(t, err, name)
		require.Nil(t, held.Order, name)
	}
	for name, change := range map[string]func(c *Carried){
		"notary's signature, and older": func(c *Carried) { c.Order[len(c.Order)-1] ^= 1 },
		"rows, and older": func(c *Carried) {
			*c = s.carried(key, notary, 3, message.CrisisRow{MaxSpent: 9})
			c.Order[len(c.Order)-140] ^= 1
		},
	} {
		c := s.carried(key, notary, 3)
		change(&c)
		_, err := held.Take(s.root, c, nil, day(1))
		require.ErrorIs(t, err, ErrFalse, name)
		require.ErrorIs(t, c.CheckAlone(), ErrFalse, name)
	}
	_, err = held.Take(s.root, genuine, nil, day(1))
	require.ErrorIs(t, err, ErrOld, "the same")
	require.NoError(t, genuine.CheckAlone())
	alone := genuine
	alone.Notary = nil
	_, err = held.Take(s.root, alone, nil, day(1))
	require.ErrorIs(t, err, ErrOld, "who signed it is not known")
	_, err = Held{}.Take(s.root, alone, nil, day(1))
	require.ErrorIs(t, err, ErrNoKey)
	known := map[message.AuthorityRef]*cvc.Certificate{"SENOTARY00001": notary}
	held, err = Held{}.Take(s.root, alone, known, day(1))
	require.NoError(t, err)
	require.NotNil(t, held.Order)
	alone.CrisisKey = nil
	_, err = Held{}.Take(s.root, alone, known, day(1))
	require.ErrorIs(t, err, ErrNoKey)
}

// TestAnOrderCountsFromItsFirstDayToItsLast: and only then it is given away and raises.
func TestAnOrderCountsFromItsFirstDayToItsLast(t *testing.T) {
	s := newScheme(t)
	notary := s.certificate("SENOTARY00001", spec.RoleNotary, 400)
	key := s.certificate("SECRISIS00001", spec.RoleCrisisKey, 300)
	row := DefaultRow()
	special := message.CrisisRow{Group: 2, MaxSpent: 30_000 * money.Krona}
	bank := message.CrisisRow{Name: "SENORDIC", MaxReceipts: 7, MaxReceived: 3}
	held, err := Held{}.Take(s.root, s.carried(key, notary, 1, row, bank, special), nil, day(1))
	require.NoError(t, err)
	terms := message.Policy{MaxTransactions: 12, MaxBalance: 20_000 * money.Krona,
		MaxPayment: money.Krona}
	for n := range 10 {
		c, err := held.Carried(day(n))
		require.NoError(t, err)
		counts := n >= 1 && n <= 7
		require.Equal(t, counts, held.Counts(day(n)))
		require.Equal(t, counts, c.Order != nil)
		require.NotNil(t, c.CrisisKey, "the key always")
		raised := held.Raise(terms, "SEFJORDB", day(n))
		require.Equal(t, counts, raised != terms)
		require.Equal(t, terms, held.Raise(terms, "SENORDIC", day(n)), "the lower row fits better")
		if counts {
			require.Equal(t, row.MaxReceived, raised.MaxBalance)
			require.Equal(t, row.MaxReceipts, raised.MaxTransactions)
			require.Equal(t, special.MaxSpent, held.MostSpent(terms, "SEFJORDB", day(n)))
		} else {
			require.Zero(t, held.MostSpent(terms, "SEFJORDB", day(n)))
		}
	}
	again, err := Held{}.Take(s.root, must(held.Carried(day(3)))(t), nil, day(1))
	require.NoError(t, err)
	require.Equal(t, held, again)
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		require.NoError(t, err)
		return v
	}
}

// TestFilesGoThereAndBack: every part may be missing but not all.
func TestFilesGoThereAndBack(t *testing.T) {
	s := newScheme(t)
	notary := s.certificate("SENOTARY00001", spec.RoleNotary, 400)
	key := s.certificate("SECRISIS00001", spec.RoleCrisisKey, 300)
	whole := s.carried(key, notary, 1, DefaultRow())
	for _, c := range []Carried{whole, {Order: whole.Order}, {CrisisKey: whole.CrisisKey},
		{Order: whole.Order, Notary: whole.Notary}} {
		back, err := Parse(c.Bytes())
		require.NoError(t, err)
		require.Equal(t, c, back)
	}
	for _, bad := range [][]byte{nil, whole.Notary, append(whole.Bytes(), 0),
		append(whole.Bytes(), whole.Notary...), whole.Order[1:],
		append(append([]byte{}, whole.Notary...), whole.CrisisKey...)} {
		_, err := Parse(bad)
		require.ErrorIs(t, err, message.ErrMalformed)
	}
}

// FuzzParse: what is parsed encodes to the same bytes.
func FuzzParse(f *testing.F) {
	s := newScheme(&testing.T{})
	notary := s.certificate("SENOTARY00001", spec.RoleNotary, 400)
	key := s.certificate("SECRISIS00001", spec.RoleCrisisKey, 300)
	f.Add(s.carried(key, notary, 1, DefaultRow()).Bytes())
	f.Add(s.carried(key, notary, 9).Order)
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, err := Parse(b); err == nil {
			require.Equal(t, b, c.Bytes())
		}
	})
}

// TestNoOrderOfEventsBringsAnOrderBack: whatever a device is offered and told, its number never
// goes down but by a newer key or what it is told, and an order of a key that is known to be former
// never comes.
func TestNoOrderOfEventsBringsAnOrderBack(t *testing.T) {
	s := newScheme(t)
	notary := s.certificate("SENOTARY00001", spec.RoleNotary, 400)
	var offers []Carried
	for n, ref := range []string{"SECRISIS00001", "SECRISIS00002"} {
		key := s.certificate(ref, spec.RoleCrisisKey, 300+n)
		for number := uint32(1); number <= 3; number++ {
			offers = append(offers, s.carried(key, notary, number))
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		var held Held
		for range rapid.IntRange(1, 12).Draw(t, "events") {
			before := held
			if rapid.Bool().Draw(t, "told") {
				held = held.Told(rapid.Uint32Range(1, 4).Draw(t, "lowest"))
				require.False(t, held.Order != nil && held.Order.Number < held.Lowest)
				continue
			}
			held, _ = held.Take(s.root, rapid.SampledFrom(offers).Draw(t, "offer"), nil, day(1))
			if before.CrisisKey != nil && held.CrisisKey.Holder != before.CrisisKey.Holder {
				require.Equal(t, cvc.Holder("SECRISIS00002"), held.CrisisKey.Holder)
				continue
			}
			require.GreaterOrEqual(t, held.Number(), before.Number())
			if held.Order != nil {
				require.GreaterOrEqual(t, held.Order.Number, held.Lowest)
				require.Equal(t, string(held.CrisisKey.Holder), string(held.Order.CrisisKey))
			}
		}
	})
}

// TestOrderUnderAnotherRootIsNotCalledFalse: a device that has not learnt the next root, or that
// is offered an order from before it, is told so. A signature that does not fit is false.
func TestOrderUnderAnotherRootIsNotCalledFalse(t *testing.T) {
	s := newScheme(t)
	notary := s.certificate("SENOTARY00001", spec.RoleNotary, 400)
	order := s.carried(s.certificate("SECRISIS00001", spec.RoleCrisisKey, 300), notary, 3)
	another := *s.root
	another.Holder = "SERIKSBK00009"
	held, err := Held{}.Take(&another, order, nil, day(1))
	require.ErrorIs(t, err, ErrRoot)
	require.NotErrorIs(t, err, ErrFalse)
	require.Equal(t, Held{}, held)
	forged := newScheme(t)
	forged.root.PublicKey = notary.PublicKey
	_, err = Held{}.Take(forged.root, order, nil, day(1))
	require.ErrorIs(t, err, ErrFalse)
	require.NotErrorIs(t, err, ErrRoot)
}

// TestAnOrderThatEndsACrisisRaisesNothing, though it counts.
func TestAnOrderThatEndsACrisisRaisesNothing(t *testing.T) {
	s := newScheme(t)
	notary := s.certificate("SENOTARY00001", spec.RoleNotary, 400)
	key := s.certificate("SECRISIS00001", spec.RoleCrisisKey, 300)
	held, err := Held{}.Take(s.root, s.carried(key, notary, 1, message.CrisisRow{MaxReceipts: 9}),
		nil, day(1))
	require.NoError(t, err)
	require.True(t, held.Raises("SENORDIC", day(1)))
	require.False(t, held.Raises("SENORDIC", day(8)))
	held, err = held.Take(s.root, s.carried(key, notary, 2), nil, day(1))
	require.NoError(t, err)
	require.True(t, held.Counts(day(1)))
	require.False(t, held.Raises("SENORDIC", day(1)))
}
