package card

import (
	"slices"
	"sync"

	"ekrona.example/apdu"
	"ekrona.example/emulator/api"
)

// The profiles that the project works with. P71 is the NXP J3R180 with JCOP 4 as JCAlgTest
// measured it; P71Short is the same behind a reader or product without extended length.
var (
	P71 = Profile{
		Name: "p71", Title: "NXP J3R180 SECID P71", JavaCard: "3.0.5",
		Source:   "performance/fixed/NXP_JCOP4_J3R180_SECID_P71____PERFORMANCE_..._1634708420109",
		Assumed:  "cryptographic objects, as j2r180, which has its ATR and its persistent memory",
		NVMBytes: 139_360, RAMBytes: 4_084, RAMUnit: ramUnit, CommitBytes: 5_120,
		InstallBytes: 5_120,
		Product:      jcop4("p71", &contactRAM), APDUBuffer: 261, ExtendedLength: true,
		Channels: 4,
	}
	P71Short = func() Profile {
		p := P71
		p.Name, p.Title, p.ExtendedLength = "p71-short", p.Title+", no extended length", false
		return p
	}()
	Unlimited = Profile{Name: "unlimited", Title: "no product: memory without end",
		APDUBuffer: maxArray, ExtendedLength: true, Channels: apdu.MaxChannels}
)

// maxArray is the longest array of Java Card.
const maxArray = 32_767

// ramUnit is what JCOP 4 rounds a transient array up to.
const ramUnit = 16

// Columns ram_deselect_allocated of JCAlgTest's results. Objects of one algorithm differ by
// 16 bytes between cards of one product, as their memory is measured in units of that.
var (
	// J3R180 by 3bfd, NFC and USB; J3R180 of Cardlogix, SecID of Feitian and ICFab 2022;
	// J2R180.
	earlyRAM = objects([5]int{96, 128, 112, 224, 224}, [5]int{96, 112, 128, 208, 208},
		32, [2]int{608, 640})
	secIDRAM = objects([5]int{96, 112, 128, 224, 208}, [5]int{96, 112, 128, 208, 208},
		32, [2]int{624, 640})
	contactRAM = objects([5]int{96, 112, 112, 208, 224}, [5]int{96, 112, 112, 224, 224},
		32, [2]int{608, 640})
	// J3R180 with 6 and 8 pins and the P71D321; J3R452 and P71D600.
	pinsRAM = objects([5]int{112, 112, 112, 224, 224}, [5]int{112, 112, 112, 224, 224},
		48, [2]int{624, 624})
	largeRAM = objects([5]int{112, 112, 112, 224, 208}, [5]int{96, 112, 112, 208, 208},
		48, [2]int{624, 640})

	// J3R200 by arf20; J3R200 EMV.
	curvelessRAM = objects([5]int{112, 112, 112, 224, 224}, [5]int{112, 112, 112, 224, 208},
		48, [2]int{624, 624})
	emvRAM = objects([5]int{96, 112, 112, 208, 224}, [5]int{96, 112, 128, 224, 224},
		32, [2]int{608, 640})

	mostRAM = objects([5]int{112, 128, 128, 224, 224}, [5]int{112, 112, 128, 224, 224},
		48, [2]int{624, 640})
)

// objects is ObjectRAM of a JCOP 4: what all of them have in common, and the rest. HMAC and AEAD
// are had, and were measured, on the J3R452 alone.
func objects(
	digest, signature [5]int, aesMAC int, iso9796 [2]int,
) api.ObjectRAM {
	return api.ObjectRAM{Digest: digest, Signature: signature, AESMAC: aesMAC, DESMAC: 32,
		ISO9796: iso9796[0], ISO9796MR: iso9796[1], AESCBC: 48, AESPadded: 32, AESECB: 16, DES: 32,
		HMAC: [5]int{240, 0, 288, 544, 544}, AEAD: 144}
}

// jcop4 is the part of the API that a product has, by JCAlgTest's file, if it is among the columns
// of answers.
func jcop4(name string, ram *api.ObjectRAM) api.Product {
	p := published(name)
	p.RAM = ram
	return p
}

// Products lists the products with JCOP 4 of which JCAlgTest's results tell the memory, those with
// the most transient memory first among those with P-256. Where a file tells persistent memory as
// more than 32,767 bytes only, it is assumed to be that of P71.
func Products() []Profile { return slices.Clone(products()) }

// products are made once: each asks the table for every algorithm.
var products = sync.OnceValue(func() []Profile {
	const untold = "persistent memory, as p71; cryptographic objects, the most of any product"
	list := []Profile{
		{Name: "p71d600", Title: "NXP P71D600", NVMBytes: 412_456, RAMBytes: 4_625,
			Source:  "results/NXP_JCOP4_P71D600_..._(provided_by_Jean_Dupont)",
			Product: jcop4("p71d600", &largeRAM)},
		{Name: "j3r180-8pin", Title: "NXP J3R180, 8 pins", NVMBytes: 98_984, RAMBytes: 4_150,
			Source:  "results/NXP_JCOP4_J3R180_8PIN_..._(provided_by_ameneko)",
			Product: jcop4("j3r180-8pin", &pinsRAM)},
		{Name: "p71d321", Title: "NXP P71D321", NVMBytes: 82_448, RAMBytes: 4_150,
			Source:  "results/NXP_JCOP4_P71D321_..._(provided_by_Jean_Dupont)",
			Product: jcop4("p71d321", &pinsRAM)},
		{Name: "j2r180", Title: "NXP J2R180 SecID", NVMBytes: 139_344, RAMBytes: 3_990,
			Source:  "results/J2R180S0X6Q_CZA441_..._(provided_by_Jonas_Lenz)",
			Product: jcop4("j2r180", &contactRAM)},
		{Name: "j3r180-6pin", Title: "NXP J3R180, 6 pins", NVMBytes: 94_520, RAMBytes: 3_990,
			Source:  "results/NXP_JCOP4_J3R180_6PIN_..._(provided_by_ameneko)",
			Product: jcop4("j3r180-6pin", &pinsRAM)},
		{Name: "j3r180-3bfd", Title: "NXP J3R180 of ATR 3B FD", NVMBytes: 98_124,
			RAMBytes: 3_990, Source: "results/NXP_JCOP4_J3R180/J3R180_ALGSUPPORT__3b_fd_...",
			Product: jcop4("j3r180-3bfd", &earlyRAM)},
		{Name: "j3r180-nfc", Title: "NXP J3R180, NFC 1 and 2", NVMBytes: 97_988,
			RAMBytes: 3_990, Source: "results/NXP_JCOP4_J3R180/NXPJ3R180_NFC_1_... and NFC_2",
			Product: jcop4("j3r180-nfc", &earlyRAM)},
		{Name: "j3r180-usb", Title: "NXP J3R180, USB 1 and 2", NVMBytes: 97_988,
			RAMBytes: 3_990, Source: "results/NXP_JCOP4_J3R180/NXPJ3R180_USB_1_... and USB_2",
			Product: jcop4("j3r180-usb", &earlyRAM)},
		{Name: "j3r180-2022", Title: "NXP J3R180, made on day 345 of 2022", NVMBytes: 98_124,
			RAMBytes: 3_990, Product: jcop4("j3r180-2022", &secIDRAM), Source: "results/" +
				"NXP_JCOP4_J3R180_ICFab_2022_345_..._(provided_by_Kagurazaka_Setsuna)"},
		{Name: "j3r110", Title: "NXP J3R110", NVMBytes: P71.NVMBytes, RAMBytes: 3_800,
			Source: "results/NXP_JCOP4_J3R110_..._" +
				"(provided_by_Francesco_Gugliuzza_and_PetrS)",
			Product: jcop4("j3r110", &mostRAM), Assumed: untold},
		{Name: "j3r180-taxcore", Title: "NXP J3R180 P71 of ATR TaxCoreV1", RAMBytes: 3_796,
			NVMBytes: P71.NVMBytes, Source: "results/NXP_JCOP4_J3R180_P71_..." +
				"_(provided_by_PetrS)",
			Product: jcop4("j3r180-taxcore", &mostRAM), Assumed: untold},
		{Name: "j3r180-cardlogix", Title: "NXP J3R180 of Cardlogix", NVMBytes: 145_508,
			RAMBytes: 3_750, Source: "results/NXP_J3R180_..._(linux.1993)",
			Product: jcop4("j3r180-cardlogix", &secIDRAM)},
		{Name: "j3r180-feitian", Title: "NXP J3R180 SecID of Feitian", NVMBytes: 63_464,
			RAMBytes: 3_210, Source: "results/NXP_JCOP4_J3R180_SecID_Feitian_..." +
				"_(provided_by_PetrS)",
			Product: jcop4("j3r180-feitian", &secIDRAM)},
		{Name: "j3r180-rsa4k", Title: "NXP J3R180 SecID, RSA 4K", NVMBytes: P71.NVMBytes,
			RAMBytes: 3_208, Source: "results/NXP_JCOP4_J3R180_SECID_4K_RSA_OBKG_ECC_..." +
				"_(provided_by_dilucide)",
			Product: jcop4("j3r180-rsa4k", &mostRAM), Assumed: untold},
		{Name: "j3r452", Title: "NXP J3R452", NVMBytes: 171_704, RAMBytes: 2_903,
			Source:  "results/NXP_JCOP4_J3R452_..._(provided_by_Vasilios)",
			Product: jcop4("j3r452", &largeRAM)},
		{Name: "j3r150", Title: "NXP J3R150 EMV, RSA 4K, no curves, no RSA key generation",
			NVMBytes: P71.NVMBytes, RAMBytes: 4_040, Source: "results/NXP_JCOP4_J3R150_EMV_" +
				"4K_RSA_no_OKBG_no_ECC_..._(provided_by_dilucide)",
			Product: jcop4("j3r150", &mostRAM), Assumed: untold + "; ATR, as p71: the product " +
				"offers T=0 alone"},
		{Name: "j3r200", Title: "NXP J3R200, no curves, no RSA key generation",
			NVMBytes: 65_768, RAMBytes: 2_596, Source: "results/NXP_JCOP4_J3R200_..._" +
				"(provided_by_arf20)",
			Product: jcop4("j3r200", &curvelessRAM)},
		{Name: "j3r200-emv", Title: "NXP J3R200 EMV, no curves, no RSA key generation",
			NVMBytes: 49_676, RAMBytes: 2_130, Source: "results/NXP_JCOP4_J3R200_noECC_..._" +
				"(provided_by_ameneko)",
			Product: jcop4("j3r200-emv", &emvRAM)},
		{Name: "p71d321-used", Title: "NXP P71D321, other applets on it", RAMBytes: 1_652,
			NVMBytes: P71.NVMBytes,
			Source:   "results/NXP_JCOP4_P71D321_..._(provided_by_Riley_Gall)",
			Product:  jcop4("p71d321-used", &mostRAM), Assumed: untold},
	}
	for i := range list {
		p := &list[i]
		p.JavaCard, p.CommitBytes, p.RAMUnit = P71.JavaCard, P71.CommitBytes, ramUnit
		p.InstallBytes = P71.InstallBytes
		p.APDUBuffer, p.ExtendedLength = P71.APDUBuffer, P71.ExtendedLength
		p.Channels = P71.Channels
		*p = identified(*p)
	}
	return list
})
