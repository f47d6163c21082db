package jcardsim

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"

	"ekrona.example/applet/jcsim"
)

// ErrNoTools reports that this machine has no JDK or no Maven. It is wrapped with what
// to install.
var ErrNoTools = errors.New("a JDK and Maven are needed")

// Classes is where a build left the applet, the bridge and jCardSim.
type Classes struct {
	java      string
	classPath string
	fresh     bool // each card loads them anew
}

// Build compiles the Maven project in projectDir (applet/jcsim) into outDir, which must
// not be used by anything else. Maven fetches jCardSim and its own plugins from Maven
// Central the first time. The error is [ErrNoTools] when a tool is missing, else it
// carries what Maven printed.
func Build(ctx context.Context, projectDir, outDir string) (Classes, error) {
	return build(ctx, projectDir, outDir)
}

// BuildApplet compiles an applet of anybody's into outDir, which must be empty, as [Build] does
// ours: of the sources in the folders above their packages those of the class's package and of what
// they use. What ends in .jar among the sources has the classes of packages that it uses. The API
// is Java Card 3.0.5 without org.globalplatform and without what jCardSim lacks.
func BuildApplet(
	ctx context.Context, sources []string, class, outDir string,
) (Classes, error) {
	outDir, err := filepath.Abs(outDir)
	if err != nil {
		return Classes{}, fmt.Errorf("jcardsim: build directory: %w", err)
	}
	project, applet := filepath.Join(outDir, "project"), filepath.Join(outDir, "sources")
	if err := os.CopyFS(project, jcsim.Project); err != nil {
		return Classes{}, fmt.Errorf("jcardsim: %w", err)
	}
	target := filepath.Join(outDir, "target")
	tree := sourceTree{}
	for _, one := range sources {
		if filepath.Ext(one) == ".jar" {
			err = copyClasses(filepath.Join(target, "classes"), one)
		} else {
			err = tree.add(one)
		}
		if err != nil {
			return Classes{}, fmt.Errorf("jcardsim: sources: %w", err)
		}
	}
	if err := tree.neededBy(class).write(applet); err != nil {
		return Classes{}, fmt.Errorf("jcardsim: sources: %w", err)
	}
	classes, err := build(ctx, project, target, "-DappletSources="+applet)
	classes.fresh = true // ours keeps nothing in static fields, and is faster when loaded once
	return classes, err
}

// copyClasses takes the classes out of a JAR file.
func copyClasses(to, from string) (err error) {
	jar, err := zip.OpenReader(from)
	if err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	defer func() { err = errors.Join(err, jar.Close()) }()
	for _, f := range jar.File {
		if path.Ext(f.Name) != ".class" || !filepath.IsLocal(filepath.FromSlash(f.Name)) {
			continue
		}
		content, err := fs.ReadFile(jar, f.Name)
		if err != nil {
			return fmt.Errorf("%s: %w", from, err)
		}
		target := filepath.Join(to, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(target, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func build(
	ctx context.Context, projectDir, outDir string, options ...string,
) (Classes, error) {
	mvn, err := tool("mvn")
	if err != nil {
		return Classes{}, err
	}
	java, err := tool("java")
	if err != nil {
		return Classes{}, err
	}
	outDir, err = filepath.Abs(outDir)
	if err != nil {
		return Classes{}, fmt.Errorf("jcardsim: build directory: %w", err)
	}
	build := exec.CommandContext(ctx, mvn, append([]string{"--quiet", "--batch-mode",
		"-Dstyle.color=never", "-DbuildDirectory=" + outDir, "process-classes"}, options...)...)
	build.Dir = projectDir
	if out, err := build.CombinedOutput(); err != nil {
		if found := compilerErrors(string(out)); found != "" {
			return Classes{}, fmt.Errorf("jcardsim: the sources do not compile: %s", found)
		}
		return Classes{}, fmt.Errorf("jcardsim: mvn process-classes in %s: %w\n%s", projectDir, err,
			strings.TrimSpace(string(out)))
	}
	libs, err := filepath.Glob(filepath.Join(outDir, "lib", "*.jar"))
	if err != nil || len(libs) == 0 {
		return Classes{}, fmt.Errorf(
			"jcardsim: Maven left no jar in %s; look at the copy-dependencies step of the POM",
			filepath.Join(outDir, "lib"))
	}
	entries := append([]string{filepath.Join(outDir, "classes")}, libs...)
	return Classes{java: java, classPath: strings.Join(entries, string(os.PathListSeparator))}, nil
}

func tool(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("jcardsim: %s is not on PATH: %w; run scripts/set-up, or install a "+
			"JDK (11 or later) and Maven", name, ErrNoTools)
	}
	return path, nil
}
