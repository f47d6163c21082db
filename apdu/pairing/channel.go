package pairing

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"

	"ekrona.example/apdu"
	"ekrona.example/apdu/cmac"
	"ekrona.example/apdu/spec"
	"ekrona.example/apdu/tlv"
)

const (
	padding = 0x80
	// padded stands before a cryptogram whose plaintext is padded with 80 and zeros.
	padded = 0x01
)

// Wrap secures the next command: class 0C or 8C, DO 87 with its data, DO 97 with its Le and
// DO 8E. What is secured is the whole command, which may be chained afterwards.
func (c *Channel) Wrap(command apdu.Command) (apdu.Command, error) {
	return c.WrapObjects(command, func(encrypt func(blocks []byte) []byte) ([]byte, error) {
		var objects []byte
		var err error
		if len(command.Data) > 0 {
			objects, err = tlv.Append(nil, spec.TagCryptogram, []byte{padded},
				encrypt(pad(command.Data)))
			if err != nil {
				return nil, err
			}
		}
		if command.Ne > 0 {
			le := []byte{byte(command.Ne)}
			if command.Ne > apdu.MaxShortNe {
				le = binary.BigEndian.AppendUint16(nil, uint16(command.Ne))
			}
			objects, err = tlv.Append(objects, spec.TagLe, le)
		}
		return objects, err
	})
}

// WrapObjects secures a command with any data objects before DO 8E, in place of those that Wrap
// makes: for who tests how a card reads them.
func (c *Channel) WrapObjects(
	command apdu.Command, objects func(encrypt func(blocks []byte) []byte) ([]byte, error),
) (apdu.Command, error) {
	c.counter++
	secured := command
	secured.CLA |= spec.ClassSecured
	made, err := objects(c.encrypt)
	if err != nil {
		return apdu.Command{}, fmt.Errorf("pairing: %w", err)
	}
	mac, err := c.macOfCommand(secured, made)
	if err != nil {
		return apdu.Command{}, err
	}
	secured.Data, err = tlv.Append(made, spec.TagMAC, mac)
	if secured.Ne = apdu.MaxShortNe; command.Ne > apdu.MaxShortNe-overhead {
		secured.Ne = apdu.MaxExtendedNe
	}
	return secured, err
}

// overhead is the most that securing adds to an answer: padding, DO 87's header, DOs 99, 8E.
const overhead = aes.BlockSize + 5 + 4 + 2 + spec.PINMACLength

// Open is the command in clear of a secured one, as the card opens it: for whoever has the
// keys, and listens. Errors: [ErrNotCard].
func (c *Channel) Open(secured apdu.Command) (apdu.Command, error) {
	c.counter++
	command := secured
	command.CLA &^= spec.ClassSecured
	command.Data, command.Ne = nil, 0
	r := tlv.NewReader(secured.Data)
	var cryptogram []byte
	if r.At(spec.TagCryptogram) {
		object, err := r.Next()
		if err != nil || !isCryptogram(object.Value) {
			return apdu.Command{}, ErrNotCard
		}
		cryptogram = object.Value[1:]
	}
	if r.At(spec.TagLe) {
		object, err := r.Next()
		if err != nil || len(object.Value) < 1 || len(object.Value) > 2 {
			return apdu.Command{}, ErrNotCard
		}
		command.Ne = ne(object.Value)
	}
	objects := secured.Data[:len(secured.Data)-len(r.Rest())]
	mac, err := c.macOfCommand(secured, objects)
	if err != nil {
		return apdu.Command{}, err
	}
	if !isMAC(r, mac) {
		return apdu.Command{}, ErrNotCard
	}
	if cryptogram != nil {
		command.Data, err = c.decrypt(cryptogram)
	}
	return command, err
}

// Pass counts an answer that is not looked at.
func (c *Channel) Pass() { c.counter++ }

// ne is the number of bytes that a Le stands for.
func ne(le []byte) int {
	if len(le) == 1 {
		return (int(le[0])+apdu.MaxShortNe-1)%apdu.MaxShortNe + 1
	}
	return (int(binary.BigEndian.Uint16(le))+apdu.MaxExtendedNe-1)%apdu.MaxExtendedNe + 1
}

// Unwrap verifies the answer to the command that was wrapped last, and returns what the card
// has answered in it. A status word alone is the card's or anybody's: secure messaging has
// ended. Errors: [ErrNotCard], [*Ended].
func (c *Channel) Unwrap(response apdu.Response) (apdu.Response, error) {
	c.counter++
	if response.SW != apdu.OK {
		return apdu.Response{}, &Ended{response.SW}
	}
	r := tlv.NewReader(response.Data)
	var cryptogram []byte
	if r.At(spec.TagCryptogram) {
		object, err := r.Next()
		if err != nil || !isCryptogram(object.Value) {
			return apdu.Response{}, ErrNotCard
		}
		cryptogram = object.Value[1:]
	}
	status, err := r.Expect(spec.TagProcessingStatus)
	if err != nil || len(status.Value) != 2 {
		return apdu.Response{}, ErrNotCard
	}
	mac, err := c.macOf(nil, response.Data[:len(response.Data)-len(r.Rest())])
	if err != nil {
		return apdu.Response{}, err
	}
	if !isMAC(r, mac) {
		return apdu.Response{}, ErrNotCard
	}
	answer := apdu.Response{SW: apdu.StatusWord(binary.BigEndian.Uint16(status.Value))}
	if cryptogram != nil {
		answer.Data, err = c.decrypt(cryptogram)
	}
	return answer, err
}

// Ended says that the card, or somebody between, has ended secure messaging.
type Ended struct{ SW apdu.StatusWord }

// Error states what to do.
func (e *Ended) Error() string {
	return fmt.Sprintf("pairing: the card or somebody between has ended the phone's session with "+
		"it (%v): hold the card to the phone again", e.SW)
}

// IsEnded reports whether err says that a session with the pair's key has ended before an
// answer that is certainly the card's.
func IsEnded(err error) bool {
	var ended *Ended
	return errors.As(err, &ended) || errors.Is(err, ErrNotCard)
}

func isCryptogram(value []byte) bool {
	return len(value) > 1 && value[0] == padded && (len(value)-1)%aes.BlockSize == 0
}

// isMAC reports whether this MAC is all that is left.
func isMAC(r *tlv.Reader, right []byte) bool {
	object, err := r.Expect(spec.TagMAC)
	return err == nil && r.Empty() && subtle.ConstantTimeCompare(object.Value, right) == 1
}

// counterBlock is the counter as a block.
func (c *Channel) counterBlock() []byte {
	return binary.BigEndian.AppendUint64(make([]byte, aes.BlockSize-8), c.counter)
}

func pad(b []byte) []byte {
	b = append(bytes.Clone(b), padding)
	for len(b)%aes.BlockSize != 0 {
		b = append(b, 0)
	}
	return b
}

func (c *Channel) macOfCommand(secured apdu.Command, objects []byte) ([]byte, error) {
	header := []byte{secured.CLA &^ apdu.ClassChaining, secured.INS, secured.P1, secured.P2}
	return c.macOf(pad(header), objects)
}

// macOf is the MAC over counter, padded header and data objects.
func (c *Channel) macOf(header, objects []byte) ([]byte, error) {
	if len(objects) > 0 {
		objects = pad(objects)
	}
	mac, err := cmac.Sum(c.mac, c.counterBlock(), header, objects)
	return mac[:spec.PINMACLength], err
}

// iv is the enciphered counter.
func (c *Channel) iv() []byte {
	iv := c.counterBlock()
	c.encryption.Encrypt(iv, iv)
	return iv
}

func (c *Channel) encrypt(blocks []byte) []byte {
	out := bytes.Clone(blocks)
	cipher.NewCBCEncrypter(c.encryption, c.iv()).CryptBlocks(out, out)
	return out
}

func (c *Channel) decrypt(cryptogram []byte) ([]byte, error) {
	out := make([]byte, len(cryptogram))
	cipher.NewCBCDecrypter(c.encryption, c.iv()).CryptBlocks(out, cryptogram)
	end := bytes.LastIndexByte(out, padding)
	if end < len(out)-aes.BlockSize || len(bytes.Trim(out[end+1:], "\x00")) > 0 {
		return nil, ErrNotCard
	}
	return out[:end], nil
}
