package probe.vault;

import javacard.framework.Shareable;
import probe.lib.Ledger;

/** What the vault offers to applets of other packages. */
public interface Vault extends Shareable {
    /** Parameter of getShareableInterfaceObject that is granted. */
    byte SERVICE = 0x17;

    short deposit(short amount);

    short balance();

    /** An array of the vault, which others may hold but not touch. */
    byte[] leakArray();

    /** An object of the vault that is not shareable, which others may hold but not touch. */
    Ledger leakLedger();

    /** Reads an array of the caller. */
    short sumOf(byte[] data, short offset, short length);

    /** The length of the caller's AID and its last byte, as the runtime gives them. */
    short caller();

    /** Throws an ISOException with this reason. */
    void fail(short reason);

    /** Touches the vault's own array that is cleared when the vault is deselected. */
    short touchSession();

    /** Makes such an array while the vault is not the selected applet. */
    void makeSession();
}
