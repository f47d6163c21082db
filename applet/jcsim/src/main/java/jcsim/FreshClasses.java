package jcsim;

import java.io.IOException;
import java.io.InputStream;
import java.net.URL;

/** Loads classes that were compiled here once more; those of jCardSim and its API stay. */
final class FreshClasses extends ClassLoader {

    FreshClasses() {
        super(FreshClasses.class.getClassLoader());
    }

    @Override
    protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
        synchronized (getClassLoadingLock(name)) {
            Class<?> found = findLoadedClass(name);
            if (found != null) {
                return found;
            }
            byte[] code = compiled(name);
            return code == null ? super.loadClass(name, resolve)
                    : defineClass(name, code, 0, code.length);
        }
    }

    /** The class in a folder of the class path; null for one of a library, or of the bridge. */
    private byte[] compiled(String name) throws ClassNotFoundException {
        if (name.startsWith("jcsim.") || name.startsWith("com.licel.jcardsim.")) {
            return null;
        }
        URL file = getParent().getResource(name.replace('.', '/') + ".class");
        if (file == null || !file.getProtocol().equals("file")) {
            return null;
        }
        try (InputStream in = file.openStream()) {
            return in.readAllBytes();
        } catch (IOException e) {
            throw new ClassNotFoundException(name, e);
        }
    }
}
