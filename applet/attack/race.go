package attack

import (
	"context"
	"errors"

	"ekrona.example/apdu"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
)

// races are attacks by two that talk to one card at one tap.
var races = []Attack{
	{
		Name:    "two terminals at one tap",
		Threat:  "one terminal takes the money for which a PIN was typed at another",
		Defence: "SELECT ends the session with all that was verified in it; a nonce counts once",
		Clause:  "PROTOCOL.md §3, §5; ISO/IEC 7816-4:2013 §11.1.1", Card: Active,
		Answers: sw(spec.SWSecurity),
		Ways: []Way{
			{"the PIN of one, the Request of the other", func(s *Setup) (Blow, error) {
				v, _ := spec.Verify.Variant("plaintext")
				blow, err := pays.Make(s)
				blow.Before = []Step{{v.APDU(s.PIN), apdu.OK}, {selectCommand(), apdu.OK}}
				return blow, err
			}},
			{"the enciphered PIN of one, after a Challenge for the other", outdatedPIN},
			{"the enciphered PAY of one, after SELECT by the other", func(s *Setup) (Blow, error) {
				blow, err := paysEnciphered.Make(s)
				blow.Before = []Step{{selectCommand(), apdu.OK}}
				blow.Answers = sw(spec.SWMACWrong)
				return blow, err
			}},
		},
	},
	{
		Name:    "authority that was presented in a session before",
		Threat:  "what a stranger has shown the card counts at another's tap",
		Defence: "what has not served is kept for the session only",
		Clause:  "PROTOCOL.md §2", Card: Active, Answers: sw(spec.SWReferenceUnknown),
		Control: learnsForeign,
		Ways: []Way{{"", func(s *Setup) (Blow, error) {
			v, _ := spec.Verify.Variant("plaintext")
			payee, err := s.device(s.Foreign, spec.RoleTerminal)
			if err != nil {
				return Blow{}, err
			}
			blow, err := s.requested(payee, "")
			blow.Authorities = [][]byte{s.Foreign.CA.Encoded}
			blow.Before = []Step{{selectCommand(), apdu.OK}, {v.APDU(s.PIN), apdu.OK}}
			return blow, err
		}}},
	},
	{
		Name:    "nonce that comes again",
		Threat:  "what was heard in one session is good in another: a PIN, a Challenge",
		Defence: "each SELECT and each GET CHALLENGE draws a new random number",
		Clause:  "PROTOCOL.md §3", Card: Active, Stranger: true,
		Answers: sw(spec.SWConditions), Control: draws,
		Ways: []Way{{"", repeatedNonces}},
	},
	{
		Name:    "PIN of another logical channel",
		Threat:  "two applications at one card share what one of them has verified",
		Defence: "the applet is on the basic channel only",
		Clause:  "PROTOCOL.md §4; ISO/IEC 7816-4:2013 §5.4.1", Card: PINEntered,
		Answers: sw(spec.SWChannel), Control: draws,
		Ways: []Way{
			channelWay("balance, channel 1", 0x01, readBalance()),
			channelWay("balance, channel 4", 0x40, readBalance()),
			channelWay("Challenge, channel 3", 0x03, spec.GetChallenge.Only().APDU()),
		},
	},
}

// repeatedNonces reports an error if the card draws a nonce a second time.
func repeatedNonces(*Setup) (Blow, error) {
	return Blow{Act: func(ctx context.Context, card apdu.Card) error {
		seen := map[string]bool{}
		for range 16 {
			answer, err := apdu.Send(ctx, card, selectCommand())
			if err != nil {
				return err
			}
			fci, err := message.ParseFCI(answer)
			if err != nil {
				return err
			}
			drawn, err := apdu.Send(ctx, card, spec.GetChallenge.Only().APDU())
			if err != nil {
				return err
			}
			for _, nonce := range []string{string(fci.Nonce[:]), string(drawn)} {
				if seen[nonce] {
					return errors.New("a nonce has come a second time")
				}
				seen[nonce] = true
			}
		}
		return nil
	}}, nil
}

func selectCommand() apdu.Command { return spec.Select.Only().APDU([]byte(spec.AppletAID)) }

func channelWay(name string, channel byte, c apdu.Command) Way {
	return Way{name, func(*Setup) (Blow, error) {
		c.CLA |= channel
		return raw(c), nil
	}}
}

// outdatedPIN is an enciphered PIN for a nonce after which the card has drawn another.
func outdatedPIN(s *Setup) (Blow, error) {
	blow, err := verifiesEnciphered.Make(s)
	blow.Before = []Step{{spec.GetChallenge.Only().APDU(), apdu.OK}}
	blow.Answers = sw(spec.SWWrongData)
	return blow, err
}

// amounts are attacks by who stands between and exchanges an amount in what others have signed.
var amounts = []Attack{
	{
		Name:    "amount exchanged on the way: Request",
		Threat:  "a reader has a card pay more than its owner has seen, or a payee gets less",
		Defence: "the amount is in what the payee signs",
		Clause:  "PROTOCOL.md §4", Card: PINEntered, Control: pays,
		Answers: sw(spec.SWSignature, spec.SWPaymentLimit), // the limit is looked at first
		Ways:    exchangedAmounts(pays.Make),
	},
	{
		Name:    "amount exchanged on the way: Payment",
		Threat:  "a payee is credited more than the payer was debited, or less",
		Defence: "the amount is in what payee and payer sign",
		Clause:  "PROTOCOL.md §4", Card: Asking, Control: accepts,
		Answers: sw(spec.SWSignature, spec.SWRequestReused),
		Ways:    exchangedAmounts(accepts.Make),
	},
	{
		Name:    "amount exchanged on the way: Instruction",
		Threat:  "a phone makes its owner's credit greater",
		Defence: "the credit is in what intermediary and notary sign",
		Clause:  "PROTOCOL.md §4", Card: Active, Answers: sw(spec.SWSignature), Control: applies,
		Ways: []Way{
			instructed("more", func(_ *Setup, i *message.Instruction) { i.Credit++ }),
			instructed("less", func(_ *Setup, i *message.Instruction) { i.Credit-- }),
			instructed("all that can be", func(_ *Setup, i *message.Instruction) {
				i.Credit = message.MaxAmount
			}),
			instructed("a policy's", func(_ *Setup, i *message.Instruction) {
				i.Policy.MaxPayment--
			}),
		},
	},
}

// exchangedAmounts are a genuine message with another amount in it.
func exchangedAmounts(good func(s *Setup) (Blow, error)) []Way {
	var ways []Way
	for _, other := range []struct {
		name   string
		amount uint32
	}{{"more", 101}, {"less", 99}, {"one öre", 1}, {"all that can be", uint32(message.MaxAmount)}} {
		ways = append(ways, Way{other.name, func(s *Setup) (Blow, error) {
			blow, err := good(s)
			if err != nil {
				return Blow{}, err
			}
			at := []byte{byte(spec.TagAmount), spec.AmountLength}
			return blow, put(at, 0, fourBytes(other.amount)...)(blow.Data[0])
		}})
	}
	return ways
}

// strangeChains are attacks by certificates that lead to no authority of the card's for them.
var strangeChains = []Attack{
	{
		Name:    "payee of a CA that the card has not met",
		Threat:  "a CA of the attacker's own certifies payees",
		Defence: "the card verifies by CAs that a root has certified to it",
		Clause:  "PROTOCOL.md §2", Card: PINEntered, Answers: sw(spec.SWReferenceUnknown),
		Ways: []Way{
			{"genuine", func(s *Setup) (Blow, error) {
				payee, err := s.device(s.Foreign, spec.RoleTerminal)
				if err != nil {
					return Blow{}, err
				}
				return s.requested(payee, "")
			}},
			{"by a root that nobody knows", func(s *Setup) (Blow, error) {
				ca, err := s.Certify(s.UnknownRoot,
					Subject{Holder: s.authority("00077"), Role: spec.RoleIntermediary})
				if err != nil {
					return Blow{}, err
				}
				payee, err := s.device(Intermediary{CA: ca}, spec.RoleTerminal)
				if err != nil {
					return Blow{}, err
				}
				return s.requested(payee, "")
			}},
		},
	},
	{
		Name:    "payee that another than a CA has certified",
		Threat:  "an authority, or a device, makes payees",
		Defence: "role and name bind a key: a CA alone certifies devices",
		Clause:  "PROTOCOL.md §2", Card: PINEntered,
		Answers: sw(spec.SWReferenceUnknown, spec.SWRole, spec.SWCertificate),
		Ways: []Way{
			certifiedBy("the root", func(s *Setup) Identity { return s.Root }),
			certifiedBy("the notary", func(s *Setup) Identity { return s.Notary }),
			certifiedBy("the instruction key", func(s *Setup) Identity {
				return s.Own.InstructionKey
			}),
		},
	},
	{
		Name:    "payee by a CA that made itself",
		Threat:  "a whole chain of one's own, under the names of the card's scheme",
		Defence: "the chain begins at the root that the card was installed with",
		Clause:  "PROTOCOL.md §2", Card: PINEntered, Answers: sw(spec.SWCertificate),
		Ways: []Way{{"", func(s *Setup) (Blow, error) {
			ca := Identity{Signer: s.UnknownRoot.Signer, Certificate: s.Own.CA.Certificate}
			payee, err := s.device(Intermediary{CA: ca}, spec.RoleTerminal)
			if err != nil {
				return Blow{}, err
			}
			return s.requested(payee, "")
		}}},
	},
}

// certifiedBy is a Request of a terminal that others than its CA have certified.
func certifiedBy(name string, by func(s *Setup) Identity) Way {
	return Way{name, func(s *Setup) (Blow, error) {
		payee, err := s.Certify(by(s),
			Subject{Holder: string(s.NextID(s.Own)), Role: spec.RoleTerminal})
		if err != nil {
			return Blow{}, err
		}
		return s.requested(payee, "")
	}}
}
