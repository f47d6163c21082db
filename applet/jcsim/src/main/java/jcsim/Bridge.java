package jcsim;

import com.licel.jcardsim.base.Simulator;
import com.licel.jcardsim.base.SimulatorRuntime;
import com.licel.jcardsim.utils.AIDUtil;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import javacard.framework.AID;
import javacard.framework.Applet;
import javacard.framework.ISOException;
import javacard.framework.SystemException;

/**
 * One card of jCardSim behind lines of text. Each line on standard input is answered by one line on
 * standard output:
 *
 * <pre>
 * install AID [PARAMETERS]   a fresh card with one instance of the applet; PARAMETERS are its
 *                            application data
 * reset                      power off and on
 * 00A40400...                a command APDU; the answer is data and status word
 * </pre>
 *
 * A line that cannot be carried out is answered by "error: ..." and the run goes on. The end of the
 * input ends the run.
 */
public final class Bridge {

    private static final int MAX_INSTALL_BLOCK = 127; // Java Card API 3.0.4, Applet.install
    private static final char[] DIGITS = "0123456789ABCDEF".toCharArray();

    private final Class<? extends Applet> appletClass;
    private final boolean isFresh; // each card loads the class anew
    private SimulatorRuntime runtime;
    private Simulator card;

    private Bridge(Class<? extends Applet> appletClass, boolean isFresh) {
        this.appletClass = appletClass;
        this.isFresh = isFresh;
    }

    /**
     * Takes the name of the applet's class, and "fresh" if each card is to load it anew with all
     * others of its sources: then its static fields are as its CAP file has them, whatever another
     * card has left in its own.
     */
    public static void main(String[] args) throws IOException {
        boolean isFresh = args.length == 2 && args[1].equals("fresh");
        if (args.length != 1 && !isFresh) {
            System.err.println("jcsim: give the name of the applet's class, and perhaps: fresh");
            System.exit(2);
        }
        // Without this property RandomData has no seed: every run draws the same numbers.
        System.setProperty("com.licel.jcardsim.randomdata.secure", "1");
        PrintStream answers = System.out;
        System.setOut(System.err); // what the simulator prints must not look like an answer
        Class<? extends Applet> found = load(args[0], Bridge.class.getClassLoader());
        if (found == null) {
            System.err.println("jcsim: " + args[0] + " is not an applet class on the class path");
            System.exit(2);
        }
        Bridge bridge = new Bridge(found, isFresh);
        BufferedReader lines =
                new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            answers.println(bridge.answer(line.trim()));
            answers.flush();
        }
    }

    /** The applet class of that name; null if there is none. */
    private static Class<? extends Applet> load(String name, ClassLoader by) {
        try {
            return by.loadClass(name).asSubclass(Applet.class);
        } catch (ClassNotFoundException | ClassCastException e) {
            return null;
        }
    }

    private String answer(String line) {
        String[] words = line.split("\\s+");
        try {
            switch (words[0]) {
                case "install":
                    if (words.length < 2 || words.length > 3) {
                        return "error: write install AID [PARAMETERS]";
                    }
                    return install(parse(words[1]), parse(words.length == 3 ? words[2] : ""));
                case "reset":
                    present().reset();
                    return "ok";
                default:
                    return transmit(parse(line.replaceAll("\\s+", "")));
            }
        } catch (IllegalArgumentException | IllegalStateException e) {
            return "error: " + e.getMessage();
        } catch (RuntimeException e) { // of jCardSim itself, not of the applet
            return "error: jCardSim broke off with " + e;
        }
    }

    private Simulator present() {
        if (card == null) {
            throw new IllegalStateException(
                    "there is no card yet; begin with install AID [PARAMETERS]");
        }
        return card;
    }

    /**
     * Hands the applet what a card's installer does: instance AID, privileges, application data,
     * each with its length.
     */
    private String install(byte[] aid, byte[] parameters) {
        byte[] block = new byte[1 + aid.length + 2 + 1 + parameters.length];
        if (block.length > MAX_INSTALL_BLOCK) {
            throw new IllegalArgumentException("install parameters are too long, a card hands over "
                    + MAX_INSTALL_BLOCK + " bytes");
        }
        block[0] = (byte) aid.length;
        System.arraycopy(aid, 0, block, 1, aid.length);
        block[aid.length + 1] = 1; // one byte of privileges: none
        block[aid.length + 3] = (byte) parameters.length;
        System.arraycopy(parameters, 0, block, aid.length + 4, parameters.length);

        card = null;
        AID instance = AIDUtil.create(aid);
        SimulatorRuntime fresh = new SimulatorRuntime();
        Simulator simulator = new Simulator(fresh);
        simulator.changeProtocol("T=1");
        fresh.loadApplet(instance,
                isFresh ? load(appletClass.getName(), new FreshClasses()) : appletClass);
        try {
            fresh.installApplet(instance, block, (short) 0, (byte) block.length);
        } catch (ISOException e) {
            return String.format("error: install refused with %04X", e.getReason());
        } catch (SystemException e) {
            return String.format("error: install failed, reason %d of SystemException",
                    e.getReason());
        }
        endTransaction(fresh);
        runtime = fresh;
        card = simulator;
        return "ok";
    }

    private String transmit(byte[] command) {
        byte[] response = present().transmitCommand(command);
        endTransaction(runtime);
        StringBuilder text = new StringBuilder(2 * response.length);
        for (byte b : response) {
            text.append(DIGITS[(b >> 4) & 0x0F]).append(DIGITS[b & 0x0F]);
        }
        return text.toString();
    }

    /**
     * A card aborts the transaction that a command leaves open; jCardSim leaves it to us, and
     * undoes nothing.
     */
    private static void endTransaction(SimulatorRuntime runtime) {
        if (runtime.getTransactionDepth() != 0) {
            runtime.abortTransaction();
        }
    }

    private static byte[] parse(String hex) {
        if (hex.length() % 2 != 0 || !hex.matches("[0-9A-Fa-f]*")) {
            throw new IllegalArgumentException("not install, reset or hex: " + hex);
        }
        byte[] bytes = new byte[hex.length() / 2];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) Integer.parseInt(hex.substring(2 * i, 2 * i + 2), 16);
        }
        return bytes;
    }
}
