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
    final Limits limits;

    /** With a log of so many slots. */
    Device(short slots) {
        ram = new Ram();
        nvm = new Nvm(ram, slots);
        guard = new Guard(ram, nvm);
        engines = new Engines(ram, guard);
        nonce = new Nonce(ram, engines, guard);
        cmac = new Cmac(ram, nvm, guard, engines);
        channel = new Channel(ram);
        authorities = new Authorities(ram, nvm, guard, engines);
        certificates = new Certificates(ram, nvm, engines, authorities);
        pins = new Pins(ram, nvm, guard);
        pinTransport = new PinTransport(ram, guard, engines, cmac, nonce);
        secureMessaging = new SecureMessaging(ram, engines, cmac, channel);
        log = new Log(ram, nvm, engines, guard);
        requests = new OpenRequests(ram, nvm);
        order = new StoredOrder(ram, nvm);
        limits = new Limits(ram, nvm, log, requests, order);
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
