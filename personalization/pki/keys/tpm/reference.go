package tpm

import (
	"fmt"
	"strconv"
	"strings"
)

// DefaultDevice is the TPM behind the resource manager of the kernel.
const DefaultDevice = "/dev/tpmrm0"

// Reference names a key of a TPM: PATH?device=DEVICE&parent=HANDLE, of which all
// but PATH may be left out. Paths are written as they are, without escapes.
type Reference struct {
	Blob   string // file with the wrapped key
	Device string // character device, Unix socket or HOST:PORT of a TPM without resource manager
	// persistent handle of the storage key for a new key; 0: the primary of the owner hierarchy
	Parent uint32
}

// ParseReference reads what follows "tpm:".
func ParseReference(text string) (Reference, error) {
	path, query, asked := strings.Cut(text, "?")
	r := Reference{Blob: path, Device: DefaultDevice}
	if path == "" || strings.ContainsAny(text, "\x00\r\n#") {
		return Reference{}, fmt.Errorf("%q: write it as tpm:PATH?device=DEVICE", "tpm:"+text)
	}
	if !asked {
		return r, nil
	}
	seen := map[string]bool{}
	for _, part := range strings.Split(query, "&") {
		name, value, _ := strings.Cut(part, "=")
		if seen[name] || value == "" || strings.Contains(value, "?") {
			return Reference{}, fmt.Errorf(
				"%q: each of device=DEVICE and parent=HANDLE once and with its value", part)
		}
		seen[name] = true
		switch name {
		case "device":
			r.Device = value
		case "parent":
			handle, err := strconv.ParseUint(value, 0, 32)
			if err != nil || !isPersistent(uint32(handle)) {
				return Reference{}, fmt.Errorf(
					"parent %q: give a persistent handle, 0x81000000 to 0x81FFFFFF", value)
			}
			r.Parent = uint32(handle)
		default:
			return Reference{}, fmt.Errorf("%q: a TPM key has device=DEVICE and parent=HANDLE",
				name)
		}
	}
	return r, nil
}

// String is what follows "tpm:".
func (r Reference) String() string {
	text := r.Blob
	separator := "?"
	if r.Device != DefaultDevice {
		text += separator + "device=" + r.Device
		separator = "&"
	}
	if r.Parent != 0 {
		text += separator + fmt.Sprintf("parent=0x%08X", r.Parent)
	}
	return text
}

// isPersistent: TPM 2.0 Part 2 §7.2, TPM_HT_PERSISTENT.
func isPersistent(handle uint32) bool { return handle>>24 == 0x81 }
