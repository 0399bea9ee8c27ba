#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "firmware/base/bytes.h"

/// Digests, bound at link time: they have no state and no faults, so an object interface would buy
/// nothing (docs/adr). The host links OpenSSL (digest_openssl.cpp), the microcontroller BearSSL.
namespace cubby {

using Sha256Digest = std::array<std::byte, 32>;
using Sha1Digest = std::array<std::byte, 20>;

/// SHA-256 (FIPS 180-4) of the concatenation of `parts`.
Sha256Digest sha256(std::span<const Bytes> parts);

/// HMAC (RFC 2104) over the concatenation of `parts`.
Sha256Digest hmac_sha256(Bytes key, std::span<const Bytes> parts);
Sha1Digest hmac_sha1(Bytes key, Bytes message);

/// HKDF-SHA-256 (RFC 5869), one block of output, empty salt.
Sha256Digest hkdf_sha256(Bytes input_key, std::span<const Bytes> info);

/// Equal or not, in a time that depends on the length only. Different lengths are unequal.
bool equal_constant_time(Bytes a, Bytes b);

}  // namespace cubby
