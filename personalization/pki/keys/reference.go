package keys

import (
	"fmt"
	"path/filepath"
	"strings"

	"ekrona.example/personalization/pki/keys/pkcs11"
	"ekrona.example/personalization/pki/keys/tpm"
)

// Reference names a key and where it is kept: one of its members is set.
type Reference struct {
	File string // path of a key file
	TPM  *tpm.Reference
	HSM  *pkcs11.URI
}

// The kinds of references.
const (
	fileKind = "file:"
	tpmKind  = "tpm:"
	hsmKind  = "pkcs11:"
)

// ParseReference reads a reference. String returns what it accepts.
func ParseReference(text string) (r Reference, err error) {
	switch {
	case strings.HasPrefix(text, fileKind):
		r.File = text[len(fileKind):]
		if r.File == "" || strings.ContainsAny(r.File, "\x00\r\n") {
			err = fmt.Errorf("%q: write it as file:PATH", text)
		}
	case strings.HasPrefix(text, tpmKind):
		var parsed tpm.Reference
		parsed, err = tpm.ParseReference(text[len(tpmKind):])
		r.TPM = &parsed
	case strings.HasPrefix(text, hsmKind):
		var parsed pkcs11.URI
		parsed, err = pkcs11.ParseURI(text)
		r.HSM = &parsed
	default:
		err = fmt.Errorf("%q: begin it with file:, tpm: or pkcs11:", text)
	}
	if err != nil {
		return Reference{}, fmt.Errorf("%w: %w", ErrReference, err)
	}
	return r, nil
}

// FileReference is the reference of a key file.
func FileReference(path string) Reference { return Reference{File: path} }

// String is the reference as it is written.
func (r Reference) String() string {
	switch {
	case r.HSM != nil:
		return r.HSM.String()
	case r.TPM != nil:
		return tpmKind + r.TPM.String()
	default:
		return fileKind + r.File
	}
}

// From reads relative paths in the reference as seen from a folder.
func (r Reference) From(folder string) Reference {
	switch {
	case r.TPM != nil:
		moved := *r.TPM
		moved.Blob = from(folder, moved.Blob)
		r.TPM = &moved
	case r.HSM == nil:
		r.File = from(folder, r.File)
	}
	return r
}

func from(folder, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(folder, path)
}

// limitBytes bounds a file that holds a reference.
const limitBytes = 4096

// parseReferenceFile reads the content of a file that holds a reference in one line.
func parseReferenceFile(path string, text []byte) (Reference, error) {
	line := strings.TrimSuffix(string(text), "\n")
	r, err := ParseReference(line)
	if len(text) > limitBytes || strings.Contains(line, "\n") || err != nil {
		// The file might be a damaged key: none of it may be repeated.
		return Reference{}, fmt.Errorf("key file %s: neither a PEM key nor one line with a "+
			"reference: restore it from its backup", path)
	}
	return r.From(filepath.Dir(path)), nil
}
