// Package capbuild makes CAP files from Java Card sources and keeps the manifest
// that ties a committed CAP file to the sources, tools and options it came from.
//
// Other tools convert: ant-javacard runs the compiler and the converter of an Oracle
// Java Card kit, and the kit's off-card verifier checks the result. This package makes
// that repeatable: which packages there are ([Packages]), where the tools are
// ([FindTools], [Fetch]), the archive written without dates ([Archive]), and the
// [Manifest], which only [Build] writes.
//
// [Manifest.Check] needs no kit, so that every machine detects a source that was
// changed without a build, or a CAP file that is not the one that was built.
//
// It trusts the tools it runs. Start with [Build].
package capbuild
