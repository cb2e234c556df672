/** What the server warns of in the certificate and key of a `kubernetes.io/tls` secret. */
import { createPrivateKey, X509Certificate } from 'node:crypto';

/** The first PEM block of a type, or what is wrong. */
function block(text: string, isWanted: (type: string) => boolean, wanted: string, where: string): string {
  const types: string[] = [];
  for (const [whole, type = ''] of text.matchAll(/-----BEGIN ([^-]+)-----[\s\S]*?-----END \1-----/g)) {
    if (isWanted(type)) return whole;
    types.push(type);
  }
  throw new Error(
    types.length === 0
      ? `tls: failed to find any PEM data in ${where} input`
      : `tls: failed to find ${wanted} in ${where} input after skipping PEM blocks of the following types: [${types.join(' ')}]`,
  );
}

/** The warning about a pair, or `undefined` where the two belong together. */
export function tlsPairWarning(certificate: string, key: string): string | undefined {
  try {
    const cert = block(certificate, (type) => type === 'CERTIFICATE', '"CERTIFICATE" PEM block', 'certificate');
    const pem = block(
      key,
      (type) => type === 'PRIVATE KEY' || type.endsWith(' PRIVATE KEY'),
      'PEM block with type ending in "PRIVATE KEY"',
      'key',
    );
    if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(pem)))
      return 'tls: private key does not match public key';
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
