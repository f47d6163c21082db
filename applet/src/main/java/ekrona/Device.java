package ekrona;

/** The parts of the applet, made once at install, each after those that it needs. */
final class Device {
    final Ram ram;
    final Nvm nvm;
    final Guard guard;
    final Engines engines;
    final Nonce nonce;
    final Cmac cmac;
    final Channel channel;
    final Authorities authorities;
    final Certificates certificates;
    final Pins pins;
    final PinTransport pinTransport;
    final SecureMessaging secureMessaging;
    final Log log;
    final OpenRequests requests;
    final StoredOrder order;
    final Payees payees;
    final Limits limits;

    /** Whether complete has come to its end. */
    private boolean isComplete;

    /** With a log of so many slots. */
    Device(short slots) {
        ram = new Ram();
        nvm = new Nvm(ram, slots);
        guard = new Guard(ram, nvm);
        engines = new Engines(ram, nvm, guard);
        nonce = new Nonce(ram, engines, guard);
        cmac = new Cmac(ram, nvm, guard, engines);
        channel = new Channel(ram);
        authorities = new Authorities(ram, nvm, guard, engines);
        certificates = new Certificates(ram, nvm, engines, authorities);
        pins = new Pins(ram, nvm, guard);
        pinTransport = new PinTransport(ram, guard, engines, cmac, nonce);
        secureMessaging = new SecureMessaging(ram, nvm, guard, engines, cmac, channel);
        log = new Log(ram, nvm, engines, guard);
        requests = new OpenRequests(ram, nvm);
        order = new StoredOrder(ram, nvm);
        payees = new Payees(ram, nvm);
        limits = new Limits(ram, nvm, log, requests, order);
    }

    /**
     * Makes what install leaves out, when the applet is selected for the first time: the slots of
     * the log, and the curve of each key. Platforms keep a journal of what install does, and give
     * up where it is full; here no transaction is open. After a power cut the next SELECT goes on.
     */
    void complete() {
        if (!isComplete) {
            nvm.complete();
            engines.complete();
            authorities.complete();
            isComplete = true;
        }
    }

    /**
     * Ends a command, however it went: wipes its data, PIN blocks, keys and intermediate results.
     * Where it broke off by an exception that is no answer, what the session has is gone too.
     */
    void end(boolean answered) {
        ram.wipeCommand();
        ram.wipeScratch();
        engines.forgetKey();
        nonce.end();
        guard.end();
        if (!answered) {
            channel.dropResponse();
            pins.forget();
        }
    }
}
