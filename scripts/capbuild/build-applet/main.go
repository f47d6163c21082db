// Command build-applet builds the CAP files of the project and their manifests;
// scripts/build-applet runs it in the root of the repository.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"ekrona.example/scripts/capbuild"
)

func main() {
	fetch := flag.Bool("fetch", false,
		"get the Java Card kit and ant-javacard from their public repositories first")
	check := flag.Bool("check", false,
		"only check that the committed CAP files fit their manifests and sources")
	from := flag.String("from", ".", "the folder that build files are relative to")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: scripts/build-applet [--fetch | --check] "+
			"[PACKAGE | FILE.json]...\nFILE.json is the build file of an applet of your own; "+
			"without any: all packages of the project")
		flag.PrintDefaults()
	}
	flag.Parse()
	if err := run(context.Background(), *fetch, *check, *from, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "build-applet:", err)
		os.Exit(1)
	}
}

// job is what is built in one folder.
type job struct {
	root     string
	packages []capbuild.Package
}

// jobs are the packages of the project that were named, and each build file.
func jobs(from string, arguments []string) ([]job, error) {
	var names []string
	var all []job
	for _, a := range arguments {
		if !strings.HasSuffix(a, ".json") {
			names = append(names, a)
			continue
		}
		if !filepath.IsAbs(a) {
			a = filepath.Join(from, a)
		}
		root, packages, err := capbuild.ReadPackage(a)
		if err != nil {
			return nil, err
		}
		all = append(all, job{root, packages})
	}
	if len(names) > 0 || len(all) == 0 {
		packages, err := capbuild.Named(names...)
		if err != nil {
			return nil, err
		}
		all = append(all, job{".", packages})
	}
	return all, nil
}

func run(ctx context.Context, fetch, check bool, from string, arguments []string) error {
	all, err := jobs(from, arguments)
	if err != nil {
		return err
	}
	if check {
		for _, j := range all {
			if err := j.check(); err != nil {
				return err
			}
		}
		return nil
	}
	if fetch {
		if err := capbuild.Fetch(ctx, os.Stderr); err != nil {
			return err
		}
	}
	tools, err := capbuild.FindTools(ctx)
	if err != nil {
		return err
	}
	for _, j := range all {
		built, err := capbuild.Build(ctx, tools, j.root, j.root, j.packages)
		if err != nil {
			return err
		}
		for i, m := range built {
			fmt.Printf("%s: %d bytes, SHA-256 %s; %s\n",
				filepath.Join(j.root, filepath.FromSlash(j.packages[i].CAP)), m.CAP.Size,
				m.CAP.SHA256, m.Verifier)
		}
	}
	return nil
}

func (j job) check() error {
	for _, p := range j.packages {
		m, err := capbuild.ReadManifest(j.root, p)
		if err != nil {
			return err
		}
		if err := m.Check(j.root, p); err != nil {
			return err
		}
	}
	return nil
}
