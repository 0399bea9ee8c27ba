#include "firmware/base/chain.h"

#include "firmware/base/digest.h"

namespace cubby {

Chain chain_start(const JournalUid& uid) {
  const std::array<Bytes, 1> parts{uid};
  const Sha256Digest digest = sha256(parts);
  return load_le<Chain>(Bytes(digest).first(8));
}

Chain chain_next(Chain previous, std::uint64_t seq, Bytes payload) {
  std::array<std::byte, 16> head;
  store_le<std::uint64_t>(MutableBytes(head).first(8), previous);
  store_le<std::uint64_t>(MutableBytes(head).subspan(8, 8), seq);
  const std::array<Bytes, 2> parts{head, payload};
  const Sha256Digest digest = sha256(parts);
  return load_le<Chain>(Bytes(digest).first(8));
}

}  // namespace cubby
