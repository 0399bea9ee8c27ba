// The digests of firmware/base/digest.h for the microcontroller.
#include <bearssl_hash.h>
#include <bearssl_hmac.h>

#include "firmware/base/digest.h"

namespace cubby {

Sha256Digest sha256(std::span<const Bytes> parts) {
  br_sha256_context context;
  br_sha256_init(&context);
  for (const Bytes part : parts) {
    br_sha256_update(&context, part.data(), part.size());
  }
  Sha256Digest digest;
  br_sha256_out(&context, digest.data());
  return digest;
}

Sha256Digest hmac_sha256(Bytes key, std::span<const Bytes> parts) {
  br_hmac_key_context keyed;
  br_hmac_key_init(&keyed, &br_sha256_vtable, key.data(), key.size());
  br_hmac_context context;
  br_hmac_init(&context, &keyed, 0);
  for (const Bytes part : parts) {
    br_hmac_update(&context, part.data(), part.size());
  }
  Sha256Digest digest;
  br_hmac_out(&context, digest.data());
  return digest;
}

Sha1Digest hmac_sha1(Bytes key, Bytes message) {
  br_hmac_key_context keyed;
  br_hmac_key_init(&keyed, &br_sha1_vtable, key.data(), key.size());
  br_hmac_context context;
  br_hmac_init(&context, &keyed, 0);
  br_hmac_update(&context, message.data(), message.size());
  Sha1Digest digest;
  br_hmac_out(&context, digest.data());
  return digest;
}

}  // namespace cubby
