package spec

import "ekrona.example/apdu"

// What the three PIN commands share.

const (
	p2Plaintext  = 0x80
	p2Enciphered = 0x88
)

func pinBlock(name, meaning string) Field {
	return raw(name, KindSecret, PINBlockLength, PINBlockLength, meaning)
}

// pinAnswers are the answers of every PIN command; the first two are the outcome.
var pinAnswers = []Answer{
	{SWPINWrong, "wrong; x tries are left"},
	{SWPINBlocked, "no tries are left"},
	{SWPINForm, "plaintext, and the policy asks for an enciphered PIN, or does contactless"},
	{SWConditions, "not activated; or enciphered, and the nonce has been used up: GET CHALLENGE"},
	{SWMACWrong, "the enciphered PIN's MAC is wrong; no try is taken"},
	{SWWrongData, "not a PIN block of 4 to 12 digits (a PUK: 8), not the data objects of the " +
		"table, or not this nonce; no try is taken"},
}

// pinAnswersBut are those of a command that has not all of them.
func pinAnswersBut(sw apdu.StatusWord) (kept []Answer) {
	for _, answer := range pinAnswers {
		if answer.SW != sw {
			kept = append(kept, answer)
		}
	}
	return kept
}
