package cli

import (
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"ekrona.example/host/durable"
)

// The annotations of flags that name a file which a command writes.
const (
	outputFlag = "written at the end"
	streamFlag = "written as the command goes on"
	inPlace    = "may be the file of" // the flags that the annotation lists
)

// OutputFlags marks flags that name a file which the command writes when its work is done: whether
// they can be written is looked at before it begins.
func OutputFlags(c *cobra.Command, names ...string) { annotate(c, outputFlag, nil, names...) }

// StreamFlags marks flags that name a file, or a pipe, which the command writes from its beginning
// on.
func StreamFlags(c *cobra.Command, names ...string) { annotate(c, streamFlag, nil, names...) }

// InPlace says that the file which one flag names for writing may be the one that another names for
// reading: the new content is made of the old one.
func InPlace(c *cobra.Command, written, read string) {
	annotate(c, inPlace, []string{read}, written)
}

func annotate(c *cobra.Command, key string, value []string, names ...string) {
	for _, name := range names {
		if err := c.Flags().SetAnnotation(name, key, value); err != nil {
			panic(err) // no flag of that name: a mistake of the program's
		}
	}
}

// IsOutput reports whether a flag is marked as one that names a file which its command writes.
func IsOutput(f *pflag.Flag) bool {
	_, atEnd := f.Annotations[outputFlag]
	_, isStream := f.Annotations[streamFlag]
	return atEnd || isStream
}

// CheckOutputs refuses a command line with a file that could not be written, or whose writing would
// destroy another file of the line.
func CheckOutputs(c *cobra.Command, arguments []string) (err error) {
	named := namedFiles(c, arguments)
	c.Flags().Visit(func(f *pflag.Flag) {
		_, atEnd := f.Annotations[outputFlag]
		path := f.Value.String()
		if !IsOutput(f) || err != nil || path == "" {
			return
		}
		if atEnd {
			if failed := durable.Replaceable(path); failed != nil {
				err = Usage("--%s: %w", f.Name, failed)
				return
			}
		}
		for _, other := range named {
			if other.by != "--"+f.Name && durable.SameFile(path, other.path) &&
				!slices.Contains(f.Annotations[inPlace], other.flag) {
				err = Usage("--%s: writing %s would destroy that of %s: name another file",
					f.Name, path, other.by)
				return
			}
		}
	})
	return err
}

// FilesOf are all that may be files on a command line.
func FilesOf(c *cobra.Command) (paths []string) {
	for _, f := range namedFiles(c, c.Flags().Args()) {
		paths = append(paths, f.path)
	}
	return paths
}

// namedFile is what may be a file on a command line.
type namedFile struct{ flag, by, path string }

// namedFiles is all that may be a file on a command line. What is none is no file's name, or that
// of a file which had better not be written over either.
func namedFiles(c *cobra.Command, arguments []string) (files []namedFile) {
	c.Flags().Visit(func(f *pflag.Flag) {
		values := []string{f.Value.String()}
		if list, many := f.Value.(pflag.SliceValue); many {
			values = list.GetSlice()
		}
		for _, v := range values {
			files = append(files, besides(namedFile{f.Name, "--" + f.Name, v})...)
		}
	})
	for _, a := range arguments {
		files = append(files, besides(namedFile{"", "the argument", a})...)
	}
	return files
}

// besides are a file and what stands beside one of a card or an applet.
func besides(f namedFile) []namedFile {
	files := []namedFile{f}
	for _, path := range Beside(f.path) {
		files = append(files, namedFile{f.flag, f.by, path})
	}
	return files
}

// Beside names the files that may stand beside one of a card or an applet under its name: source
// lines, and the lock of who uses it.
func Beside(path string) []string { return []string{path + ".lines", path + lockSuffix} }
