package probe.lib;

/** A subclass, caught by handlers for its parent too. */
public class HarshRefusal extends Refusal {
    public HarshRefusal(short reason) {
        super(reason, (byte) 0x5A);
    }
}
