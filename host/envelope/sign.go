package envelope

import (
	"crypto"

	"ekrona.example/apdu/message"
)

// Sign signs a message as its first signer and returns its bytes.
func Sign(m message.Message, signer crypto.Signer) ([]byte, error) {
	if err := message.Sign(m, signer); err != nil {
		return nil, err
	}
	return message.Encode(m)
}
