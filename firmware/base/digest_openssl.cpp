// The low-level calls of OpenSSL: an EVP context costs more than the hash of an event does.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include "firmware/base/digest.h"

namespace cubby {

Sha256Digest sha256(std::span<const Bytes> parts) {
  SHA256_CTX context;
  SHA256_Init(&context);
  for (const Bytes part : parts) {
    SHA256_Update(&context, part.data(), part.size());
  }
  Sha256Digest digest;
  SHA256_Final(reinterpret_cast<unsigned char*>(digest.data()), &context);
  return digest;
}

}  // namespace cubby
