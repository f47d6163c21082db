// Package capbuild makes CAP files from Java Card sources and keeps the manifest
// that ties a committed CAP file to the sources, tools and options it came from.
//
// Conversion is the work of others: ant-javacard drives the compiler and the
// converter of an Oracle Java Card kit, and the kit's off-card verifier passes
// the result. Here lies what makes it repeatable: which packages there are
// ([Packages]), where the tools are ([FindTools], [Fetch]), the archive written
// without dates ([Archive]), and the [Manifest], which only [Build] writes.
//
// [Manifest.Check] needs no kit, so that every machine notices a source that was
// changed without building, or a CAP file that is not the one that was built.
//
// It trusts the tools it runs. Start with [Build].
package capbuild
