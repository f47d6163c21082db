package card

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"ekrona.example/emulator/api"
	"ekrona.example/emulator/vm"
)

// How long a P71 takes, from what JCAlgTest measured on one
// (crocs-muni/jcalgtest_results, javacard/Profiles/performance, "NXP JCOP4 J3R180
// SECID P71": "fixed" of 2021-10-20 over contact, "variable" of 2021-10-21). The
// source of each number names the row.

// price is what one operation takes: fixed, and for each block of its data, a last part
// counting as one.
type price struct {
	kind   string // of api.Kind*; a digest's or cipher's name may follow
	bits   int    // size of the key that it holds for; 0 for any
	fixed  time.Duration
	block  int // bytes; 0 if the data's size does not matter
	each   time.Duration
	source string
}

func ms(milliseconds float64) time.Duration {
	return time.Duration(milliseconds * float64(time.Millisecond))
}

// prices holds for each kind first what holds for one size of key. A signature's
// digest is counted apart. The rows of ECDSA are of SHA-1: they less 5.34 ms for
// SHA-1 of the same 256 bytes is ECDSA alone.
var prices = []price{
	{kind: api.KindECDSASign, fixed: ms(31.96 - 5.34),
		source: "fixed: EC_FP_256 ECDSA_SHA Signature_sign() less SHA MessageDigest_doFinal()"},
	{kind: api.KindECDSAVerify, fixed: ms(30.22 - 5.34),
		source: "fixed: EC_FP_256 ECDSA_SHA Signature_verify() less SHA MessageDigest_doFinal()"},
	{kind: api.KindSignatureInit, bits: 256, fixed: ms(8.12),
		source: "fixed: EC_FP_256 ECDSA_SHA Signature_init()"},
	{kind: api.KindSignatureInit, fixed: ms(6.11),
		source: "fixed: AES_128 AES_MAC_128_NOPAD Signature_init()"},
	{kind: api.KindAgreement, fixed: ms(20.04),
		source: "fixed: EC_FP_256 EC_SVDP_DH KeyAgreement_generateSecret()"},
	{kind: api.KindAgreementInit, fixed: ms(7.90),
		source: "fixed: EC_FP_256 EC_SVDP_DH KeyAgreement_init()"},
	{kind: api.KindECKeyPair, fixed: ms(26.80), source: "fixed: EC_FP_256 KeyPair_genKeyPair()"},
	{kind: api.KindDigest + "SHA-256", fixed: ms(0.80), block: 64, each: ms(1.42),
		source: "variable: SHA_256 MessageDigest_doFinal() of 16 to 512 bytes"},
	{kind: api.KindDigest, fixed: ms(0.80), block: 64, each: ms(0.91),
		source: "fixed: SHA MessageDigest_doFinal() of 256 bytes"},
	{kind: api.KindMAC, fixed: ms(2.14),
		source: "fixed: AES_128 AES_MAC_128_NOPAD Signature_sign()"},
	{kind: api.KindCipherInit, fixed: ms(6.09),
		source: "fixed: AES_128 AES_BLOCK_128_CBC_NOPAD Cipher_init()"},
	{kind: api.KindCipher, fixed: ms(1.86),
		source: "fixed: AES_128 AES_BLOCK_128_CBC_NOPAD Cipher_doFinal()"},
	{kind: api.KindSetKey, fixed: ms(3.20), source: "fixed: AES_128 setKey()"},
	{kind: api.KindRSAPrivate, bits: 1024, fixed: ms(26.12),
		source: "fixed: RSA_PRIVATE_1024 RSA_PKCS1 Cipher_doFinal()"},
	{kind: api.KindRSAPrivate, fixed: ms(148.08),
		source: "fixed: RSA_PRIVATE_2048 RSA_PKCS1 Cipher_doFinal()"},
	{kind: api.KindRSAPublic, fixed: ms(4.60),
		source: "fixed: RSA_PUBLIC_2048 RSA_PKCS1 Cipher_doFinal()"},
	{kind: api.KindRSAKeyPair, fixed: ms(5224.70),
		source: "fixed: RSA_CRT_2048 KeyPair_genKeyPair()"},
	{kind: api.KindRandom, fixed: ms(1.18),
		source: "fixed: SECURE_RANDOM RandomData_generateData()"},
	{kind: api.KindChecksum, fixed: ms(0.43), source: "fixed: ISO3309_CRC16 Checksum_doFinal()"},
}

const (
	writeSource = "fixed: Util_arrayCopy_RAM2EEPROM(); flat in size, so a write of a field " +
		"counts as much"
	bytecodeSource = "fixed: SWAlgs_xor(), 1.45 ms for 16 unrolled a[i] ^= a[j] on a field, 9 " +
		"bytecodes each as the converter writes them, and 5 of the loop"
	wireSource = "bits on the line, and reader and host for each frame"
)

var (
	writeTime    = ms(2.86)
	bytecodeTime = ms(1.45) / 149
)

// CostGroup is what time is spent on.
type CostGroup string

// The groups.
const (
	CostCrypto   CostGroup = "crypto"
	CostWrites   CostGroup = "writes"
	CostBytecode CostGroup = "bytecode"
	CostWire     CostGroup = "wire"
)

// CostItem is one line of an estimate.
type CostItem struct {
	Group  CostGroup
	What   string
	Count  int
	Each   time.Duration
	Source string // the measurement that Each comes from
}

// Total is what the line takes.
func (i CostItem) Total() time.Duration { return time.Duration(i.Count) * i.Each }

// Cost is the estimate of one or more commands.
type Cost []CostItem

// Of sums the lines of some groups; of all if none is named.
func (c Cost) Of(groups ...CostGroup) time.Duration {
	var sum time.Duration
	for _, item := range c {
		if len(groups) == 0 || slices.Contains(groups, item.Group) {
			sum += item.Total()
		}
	}
	return sum
}

// Estimate returns how long a P71 takes for a command, and the link to carry it. It
// leaves out the copy of old content that a transaction makes before each write, of
// which no measurement is known, and the time of the reader to find a card. What an operation
// writes itself, such as the key that it sets or that init remembers, is in its measured time.
func Estimate(s Stats, link Link) (Cost, error) {
	var cost Cost
	for _, op := range s.Crypto {
		p, err := priceOf(op.CryptoOp)
		if err != nil {
			return nil, err
		}
		each := p.fixed
		if p.block > 0 {
			each += p.each * time.Duration(blocks(op.Size, p.block))
		}
		cost = append(cost, CostItem{CostCrypto, fmt.Sprintf("%s %d", op.Kind, op.Size), op.Count,
			each, p.source})
	}
	if writes := s.Writes - s.OwnWrites; writes > 0 {
		cost = append(cost, CostItem{CostWrites, "persistent writes", writes, writeTime,
			writeSource})
	}
	if s.Bytecodes > 0 {
		cost = append(cost, CostItem{CostBytecode, "bytecodes", s.Bytecodes, bytecodeTime,
			bytecodeSource})
	}
	if s.CommandBytes > 0 {
		cost = append(cost,
			CostItem{CostWire, "command on " + link.Name, 1, link.carry(s.CommandBytes),
				wireSource},
			CostItem{CostWire, "response on " + link.Name, 1, link.carry(s.ResponseBytes),
				wireSource})
	}
	return cost, nil
}

// blocks counts the blocks of a padded message (FIPS 180-4 §5.1.1: at least 9
// bytes of padding).
func blocks(size, block int) int { return (size + 9 + block - 1) / block }

func priceOf(op vm.CryptoOp) (price, error) {
	best := price{}
	for _, p := range prices {
		if !strings.HasPrefix(op.Kind, p.kind) || p.bits != 0 && p.bits != op.Size {
			continue
		}
		if len(p.kind) > len(best.kind) || len(p.kind) == len(best.kind) && best.bits == 0 &&
			p.bits != 0 {
			best = p
		}
	}
	if best.kind == "" {
		return best, fmt.Errorf(
			"card: no measured time for %s; add it to the prices of the cost model", op.Kind)
	}
	return best, nil
}

// Link is what carries APDUs between reader and card.
type Link struct {
	Name          string
	BitsPerSecond int
	BitsPerByte   int // with start, parity, stop and guard
	FrameInfo     int // bytes of an APDU that one frame carries
	FrameExtra    int // bytes of a frame around them
	FrameTime     time.Duration
}

// frameTime is reader and host for each frame: 2 to 3 ms.
const frameTime = 2500 * time.Microsecond

// Links lists the usual ones: ISO/IEC 14443-4 with frames of 256 bytes, and T=1 of
// ISO/IEC 7816-3 with blocks of 254.
func Links() []Link {
	contactless := func(kbits int) Link {
		return Link{fmt.Sprintf("contactless-%d", kbits), kbits * 1000, 9, 253, 3, frameTime}
	}
	contact := func(bits int) Link {
		return Link{fmt.Sprintf("contact-%d", bits), bits, 11, 254, 4, frameTime}
	}
	return []Link{
		contactless(424), contactless(106), contactless(212), contactless(848), contact(115_200),
		contact(460_800),
	}
}

// LinkNamed finds a link.
func LinkNamed(name string) (Link, error) {
	var names []string
	for _, l := range Links() {
		if l.Name == name {
			return l, nil
		}
		names = append(names, l.Name)
	}
	return Link{}, fmt.Errorf("no link %q; choose %s", name, strings.Join(names, ", "))
}

// carry is the time for one APDU in one direction.
func (l Link) carry(n int) time.Duration {
	frames := max(1, (n+l.FrameInfo-1)/l.FrameInfo)
	bits := (n + frames*l.FrameExtra) * l.BitsPerByte
	return time.Duration(bits)*time.Second/time.Duration(l.BitsPerSecond) +
		time.Duration(frames)*l.FrameTime
}
