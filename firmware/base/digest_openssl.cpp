// The low-level calls of OpenSSL: an EVP context costs more than the hash of an event does.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include <algorithm>

#include "firmware/base/digest.h"

namespace cubby {
namespace {

constexpr std::size_t kBlockSize = 64;  // Of both hash functions.

// The key as HMAC (RFC 2104) takes it: hashed if longer than a block, then padded with zeros.
std::array<unsigned char, kBlockSize> sha256_hmac_key(Bytes key) {
  std::array<unsigned char, kBlockSize> block{};
  const auto* data = reinterpret_cast<const unsigned char*>(key.data());
  if (key.size() > kBlockSize) {
    SHA256(data, key.size(), block.data());
  } else {
    std::copy_n(data, key.size(), block.begin());
  }
  return block;
}

std::array<unsigned char, kBlockSize> sha1_hmac_key(Bytes key) {
  std::array<unsigned char, kBlockSize> block{};
  const auto* data = reinterpret_cast<const unsigned char*>(key.data());
  if (key.size() > kBlockSize) {
    SHA1(data, key.size(), block.data());
  } else {
    std::copy_n(data, key.size(), block.begin());
  }
  return block;
}

std::array<unsigned char, kBlockSize> padded(std::array<unsigned char, kBlockSize> key, unsigned char pad) {
  for (unsigned char& byte : key) {
    byte = static_cast<unsigned char>(byte ^ pad);
  }
  return key;
}

}  // namespace

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

Sha256Digest hmac_sha256(Bytes key, std::span<const Bytes> parts) {
  const auto block = sha256_hmac_key(key);
  Sha256Digest digest;
  auto* out = reinterpret_cast<unsigned char*>(digest.data());
  SHA256_CTX context;
  SHA256_Init(&context);
  SHA256_Update(&context, padded(block, 0x36).data(), kBlockSize);
  for (const Bytes part : parts) {
    SHA256_Update(&context, part.data(), part.size());
  }
  SHA256_Final(out, &context);
  SHA256_Init(&context);
  SHA256_Update(&context, padded(block, 0x5C).data(), kBlockSize);
  SHA256_Update(&context, out, digest.size());
  SHA256_Final(out, &context);
  return digest;
}

Sha1Digest hmac_sha1(Bytes key, Bytes message) {
  const auto block = sha1_hmac_key(key);
  Sha1Digest digest;
  auto* out = reinterpret_cast<unsigned char*>(digest.data());
  SHA_CTX context;
  SHA1_Init(&context);
  SHA1_Update(&context, padded(block, 0x36).data(), kBlockSize);
  SHA1_Update(&context, message.data(), message.size());
  SHA1_Final(out, &context);
  SHA1_Init(&context);
  SHA1_Update(&context, padded(block, 0x5C).data(), kBlockSize);
  SHA1_Update(&context, out, digest.size());
  SHA1_Final(out, &context);
  return digest;
}

}  // namespace cubby
