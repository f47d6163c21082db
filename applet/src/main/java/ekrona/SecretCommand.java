package ekrona;

/**
 * A command that has PINs in RAM while it works, or keys that encipher or authenticate secrets. It
 * wipes them before it answers, whatever the outcome.
 */
abstract class SecretCommand extends Command {
    SecretCommand(Device device, boolean takesData) {
        this(device, Spec.CLA_INTERINDUSTRY, takesData);
    }

    SecretCommand(Device device, byte cla, boolean takesData) {
        super(device, cla, takesData);
    }

    final void run() {
        try {
            work();
        } finally {
            device.engines.forgetSecrets();
        }
    }

    abstract void work();
}
