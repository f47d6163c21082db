package capbuild

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// kitDigest is the SHA-256 of lib/tools.jar in the kit that Fetch gets.
const kitDigest = "c627ebf2f12a89cad95124b66d001de736cdaaac795a92aa1599e1ea99522eba"

// Fetch gets the kit and ant-javacard from their public repositories, at pinned
// commits, into the cache folder, where FindTools looks for them. What is there
// already stays. Progress goes to log. It needs git, ant and a JDK.
func Fetch(ctx context.Context, log io.Writer) error {
	cache, err := cacheFolder()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return fmt.Errorf("fetch: %w", err)
	}
	kit := filepath.Join(cache, kitFolder)
	if _, err := os.Stat(kit); err != nil {
		if err := fetchKit(ctx, log, cache, kit); err != nil {
			return fmt.Errorf("fetch the kit from %s: %w", kitRepository, err)
		}
	}
	gp := filepath.Join(cache, gpFolder)
	if _, err := os.Stat(gp); err != nil {
		if err := fetchFolder(ctx, log, cache, gpRepository, gpCommit, gpFolder, gp); err != nil {
			return fmt.Errorf("fetch GlobalPlatform's export files from %s: %w", gpRepository, err)
		}
	}
	jar := filepath.Join(cache, "ant-javacard.jar")
	if _, err := os.Stat(jar); err != nil {
		if err := fetchAntJavacard(ctx, log, cache, jar); err != nil {
			return fmt.Errorf("fetch ant-javacard from %s: %w", antRepository, err)
		}
	}
	return nil
}

func fetchKit(ctx context.Context, log io.Writer, cache, kit string) error {
	work, err := checkout(ctx, log, cache, kitRepository, kitCommit, kitFolder)
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	jar, err := os.ReadFile(filepath.Join(work, kitFolder, "lib", "tools.jar"))
	if err != nil {
		return err
	}
	if found := digest(jar); found != kitDigest {
		return fmt.Errorf("lib/tools.jar has SHA-256 %s, not %s; nothing was kept", found,
			kitDigest)
	}
	return os.Rename(filepath.Join(work, kitFolder), kit)
}

// fetchFolder gets one folder of a repository.
func fetchFolder(
	ctx context.Context, log io.Writer, cache, repository, commit, folder, to string,
) error {
	work, err := checkout(ctx, log, cache, repository, commit, folder)
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	return os.Rename(filepath.Join(work, folder), to)
}

// fetchAntJavacard builds the JAR from its sources: the commit pins them, and the
// build needs nothing but Ant.
func fetchAntJavacard(ctx context.Context, log io.Writer, cache, jar string) error {
	work, err := checkout(ctx, log, cache, antRepository, antCommit, "")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	if err := run(ctx, log, work, "ant", "-q", "dist"); err != nil {
		return err
	}
	return os.Rename(filepath.Join(work, "ant-javacard.jar"), jar)
}

// checkout gets one commit, or one folder of it, into a new folder inside cache.
func checkout(
	ctx context.Context, log io.Writer, cache, repository, commit, folder string,
) (string, error) {
	work, err := os.MkdirTemp(cache, "fetch-")
	if err != nil {
		return "", err
	}
	steps := [][]string{
		{"git", "init", "-q"},
		{"git", "remote", "add", "origin", repository},
		{"git", "fetch", "-q", "--depth", "1", "--filter=blob:none", "origin", commit},
		{"git", "-c", "advice.detachedHead=false", "checkout", "-q", commit},
	}
	if folder != "" {
		steps = append(steps[:3:3], []string{"git", "sparse-checkout", "set", folder}, steps[3])
	}
	for _, step := range steps {
		if err := run(ctx, log, work, step[0], step[1:]...); err != nil {
			os.RemoveAll(work)
			return "", err
		}
	}
	return work, nil
}

func run(ctx context.Context, log io.Writer, dir, program string, arguments ...string) error {
	cmd := exec.CommandContext(ctx, program, arguments...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s %s: %w", program, arguments[0], err)
	}
	return nil
}
