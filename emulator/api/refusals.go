package api

import "ekrona.example/emulator/vm"

// refusalNatives are the functions of packages whose hardware or engines no card here
// has: the API allows them to refuse every request.
func refusalNatives() map[string]vm.Native {
	refuse := func(class string, reason int16) vm.Native {
		return func(c *vm.Call) vm.Value {
			c.Throw(class, reason)
			return vm.Void
		}
	}
	const (
		noSuchBioTemplate  = 3 // BioException.NO_SUCH_BIO_TEMPLATE
		unsupportedBioType = 3 // Bio1toNException.UNSUPPORTED_BIO_TYPE
		noSuchSubsystem    = 1 // ExternalException.NO_SUCH_SUBSYSTEM
	)
	bio := refuse("javacardx/biometry/BioException", noSuchBioTemplate)
	many := refuse("javacardx/biometry1toN/Bio1toNException", unsupportedBioType)
	return map[string]vm.Native{
		"javacardx/biometry/BioBuilder.buildBioTemplate(BB)Ljavacardx/biometry/OwnerBioTemplate;":                      bio,
		"javacardx/biometry/BioBuilder.buildBioTemplate(BB[BB)Ljavacardx/biometry/OwnerBioTemplate;":                   bio,
		"javacardx/biometry1toN/Bio1toNBuilder.buildBioMatcher(SBB)Ljavacardx/biometry1toN/OwnerBioMatcher;":           many,
		"javacardx/biometry1toN/Bio1toNBuilder.buildBioMatcher(SBB[BB)Ljavacardx/biometry1toN/OwnerBioMatcher;":        many,
		"javacardx/biometry1toN/Bio1toNBuilder.buildBioTemplateData(B)Ljavacardx/biometry1toN/OwnerBioTemplateData;":   many,
		"javacardx/biometry1toN/Bio1toNBuilder.buildBioTemplateData(B[B)Ljavacardx/biometry1toN/OwnerBioTemplateData;": many,
		"javacardx/external/Memory.getMemoryAccessInstance(B[SS)Ljavacardx/external/MemoryAccess;": refuse(
			"javacardx/external/ExternalException", noSuchSubsystem),
	}
}
