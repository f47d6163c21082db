package ekrona;

/** The parts of the applet, made once at install, each after those that it needs. */
final class Device {
    final Ram ram;
    final Nvm nvm;
    final Engines engines;
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
        engines = new Engines(ram);
        cmac = new Cmac(ram, engines);
        channel = new Channel(ram);
        authorities = new Authorities(ram, nvm, engines);
        certificates = new Certificates(ram, nvm, engines, authorities);
        pins = new Pins(ram, nvm);
        pinTransport = new PinTransport(ram, engines, cmac);
        secureMessaging = new SecureMessaging(ram, nvm, engines, cmac, channel);
        log = new Log(ram, nvm, engines);
        requests = new OpenRequests(ram, nvm);
        order = new StoredOrder(ram, nvm);
        limits = new Limits(ram, nvm, log, requests, order);
    }

    /** Draws the session's nonce, in place of the one before. */
    void drawNonce() {
        engines.random.generateData(ram.session, Ram.NONCE, Spec.NONCE_LENGTH);
        ram.session[Ram.NONCE_VALID] = (byte) 1;
    }
}
