// Starts "ekrona lab debug" for launch configurations of type ekrona-card.
const vscode = require('vscode');

exports.activate = (context) => {
  context.subscriptions.push(
    vscode.debug.registerDebugAdapterDescriptorFactory('ekrona-card', {
      createDebugAdapterDescriptor: (session) =>
        new vscode.DebugAdapterExecutable(session.configuration.ekrona || 'ekrona', ['lab', 'debug']),
    }),
  );
};
