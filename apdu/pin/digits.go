package pin

import (
	"fmt"
	"io"

	"ekrona.example/apdu/entropy"
)

// Digits draws n uniformly distributed decimal digits: a PIN or a PUK.
func Digits(random io.Reader, n int) (string, error) {
	text := make([]byte, 0, n)
	for len(text) < n {
		var b [1]byte
		if err := entropy.Fill(random, b[:]); err != nil {
			return "", fmt.Errorf("pin: %w", err)
		}
		if b[0] < 250 { // so that all digits are equally likely
			text = append(text, '0'+b[0]%10)
		}
	}
	return string(text), nil
}
