package cap

// maxImports is what a package token of seven bits can number (§4.3.7.1).
const maxImports = 128

// parseImport reads the Import component (JCVM 3.0.5 §6.7): the packages that
// package tokens number from 0.
func (f *File) parseImport(r *reader) error {
	n := r.u1("import count")
	if r.err == nil && n != f.Directory.ImportCount {
		r.failAt(0, "imports %d packages, the directory says %d", n, f.Directory.ImportCount)
	}
	if n > maxImports {
		r.failAt(0, "imports %d packages, at most %d are allowed", n, maxImports)
	}
	for ; n > 0 && r.err == nil; n-- {
		f.Imports = append(f.Imports, r.packageInfo())
	}
	return r.end()
}
