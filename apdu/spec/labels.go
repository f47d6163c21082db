package spec

// Labels that keep derived keys apart. Each is a byte string of its own length.
const (
	// Personalization: key = AES-CMAC(token, label).
	TokenLabelMAC = "\x01EKRONA-MAC"
	TokenLabelENC = "\x02EKRONA-ENC"
	// Enciphered PIN: key = first 16 bytes of SHA-256(Z || label), the KDF of
	// TR-03111 §4.3.3 with its counter.
	PINLabelENC = "\x00\x00\x00\x01"
	PINLabelMAC = "\x00\x00\x00\x02"
	// Enciphered PAY: SHA-256(Z || label || what is tied to it), the same KDF with SharedInfo.
	PayLabelKeys    = "\x00\x00\x00\x03"
	PayLabelRefused = "\x00\x00\x00\x05"
)
