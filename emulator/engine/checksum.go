package engine

import "hash/crc32"

// CRC16 carries a 16-bit checksum register on over data: polynomial
// x^16+x^12+x^5+1 (ISO/IEC 13239 §4.2.5.2), most significant bit first. The
// checksum of a message is the complement of the register at its end.
func CRC16(register uint16, data []byte) uint16 {
	const polynomial = 0x1021
	for _, b := range data {
		register ^= uint16(b) << 8
		for range 8 {
			high := register & 0x8000
			register <<= 1
			if high != 0 {
				register ^= polynomial
			}
		}
	}
	return register
}

// CRC32 carries a 32-bit checksum register on over data: the polynomial of ISO/IEC
// 13239 §4.2.5.3, least significant bit first. The checksum of a message is the
// complement of the register at its end.
func CRC32(register uint32, data []byte) uint32 {
	return ^crc32.Update(^register, crc32.IEEETable, data)
}
