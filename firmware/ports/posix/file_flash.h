#pragma once

#include <memory>
#include <string>

#include "firmware/hal/nor_flash.h"
#include "firmware/ports/posix/system_calls.h"

namespace cubby::posix {

/// The journal's NOR flash as one file: the image of docs/spec/flash.md, byte for byte. Each program and each
/// erase is on the disk when it returns.
///
/// A sync that failed may have dropped what it should have written, and no later one would say so. So the
/// first failed write or sync is the last operation that was tried: see failed().
class FileFlash final : public hal::NorFlash {
 public:
  struct Options {
    std::string path;
    hal::FlashGeometry geometry;
  };
  /// Opens the file, or makes it (mode 0600, all FF) if there is none, and locks it: nobody else has this
  /// journal. Null: `why` is a sentence for a person. `calls` must outlive the flash.
  static std::unique_ptr<FileFlash> open(SystemCalls& calls, const Options& options, std::string& why);

  /// A write or sync has failed: every later program and erase answers kIo until the file is opened again.
  bool failed() const { return failed_; }
  FileFlash(SystemCalls& calls, Descriptor file, const hal::FlashGeometry& geometry)
      : calls_(calls), file_(std::move(file)), geometry_(geometry) {}

 private:
  const hal::FlashGeometry& do_geometry() const override { return geometry_; }
  Status do_read(std::uint32_t address, MutableBytes into) override;
  Status do_program(std::uint32_t address, Bytes data) override;
  Status do_erase(std::uint32_t sector) override;
  Status write(std::uint32_t address, Bytes data);

  SystemCalls& calls_;
  Descriptor file_;
  hal::FlashGeometry geometry_;
  bool failed_ = false;
};

/// The whole image, for those who only look: the file is not locked and not changed. False: `why` says it.
/// `in_use`: a controller has it.
bool read_image(const FileFlash::Options& options, std::string& image, bool& in_use, std::string& why);

}  // namespace cubby::posix
