#include "tools/aggregator/core/batch.h"

#include <algorithm>

#include "firmware/wire/framing/field_reader.h"

namespace cubby::aggregator {

BatchError read_batch(Bytes message, BatchView& batch) {
  batch = {};
  batch.message = message;
  bool has_uid = false;
  wire::FieldReader reader(message);
  while (reader.next()) {
    if (reader.is(4, wire::FieldReader::Wire::kBytes)) {
      if (++batch.count > limits::kBatchEventsMax) {
        return BatchError::kTooManyEvents;
      }
      if (reader.bytes().size() > limits::kEventBytesMax) {
        return BatchError::kEventTooLong;
      }
    } else if (reader.is(1, wire::FieldReader::Wire::kBytes)) {
      if (reader.bytes().size() != batch.journal_uid.size()) {
        return BatchError::kMalformed;
      }
      std::copy(reader.bytes().begin(), reader.bytes().end(), batch.journal_uid.begin());
      has_uid = true;
    } else if (reader.is(2, wire::FieldReader::Wire::kVarint)) {
      batch.first_seq = reader.value();
    } else if (reader.is(3, wire::FieldReader::Wire::kFixed64)) {
      batch.previous_chain = reader.value();
    }
  }
  if (reader.malformed() || !has_uid || batch.count == 0 || batch.first_seq == 0 || batch.first_seq > kSeqMax) {
    return BatchError::kMalformed;
  }
  return BatchError::kNone;
}

}  // namespace cubby::aggregator
