/// Real files past the page cache: whatever the pieces and offsets, the bytes are those of a file.
#include <array>
#include <csignal>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "mainstay/base/random.hpp"
#include "mainstay/storage/wal/posix_file_system.hpp"

#include "tests/storage/scratch_directory.hpp"

namespace mainstay {
namespace {

constexpr std::uint64_t file_size = 4 << 20;

/// A file of full size beside a plain picture of what it has to hold.
class PosixFiles : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(files_.create_directory(directory_.path()));
    file_ = *files_.create(path());
    ASSERT_TRUE(file_->allocate(file_size));
    file_->bypass_cache();
  }

  std::string path() const { return directory_.path() + "/segment"; }

  void reopen() {
    file_ = *files_.open(path(), wal::open_mode::read_write);
    file_->bypass_cache();
  }

  std::vector<std::byte> random_bytes(std::uint64_t length) {
    std::vector<std::byte> bytes(length);
    for (auto& b : bytes) b = std::byte(random_.next());
    return bytes;
  }

  /// Writes at `offset`, in up to three pieces; what lay behind, within the block, may be gone.
  void write(std::uint64_t offset, std::uint64_t length) {
    const auto bytes = random_bytes(length);
    const auto a = random_.below(length + 1);
    const auto b = a + random_.below(length - a + 1);
    const std::span all(bytes);
    const std::array<std::span<const std::byte>, 3> pieces{all.first(a), all.subspan(a, b - a),
                                                           all.subspan(b)};
    ASSERT_TRUE(file_->write(pieces, offset));
    expected_.resize(offset);
    expected_.insert(expected_.end(), bytes.begin(), bytes.end());
  }

  void expect_read(std::uint64_t offset, std::uint64_t length) {
    std::vector<std::byte> found(length);
    const auto got = file_->read(found, offset);
    ASSERT_TRUE(got) << got.error().message;
    ASSERT_EQ(*got, length);
    const std::span wanted = std::span(expected_).subspan(offset, length);
    EXPECT_TRUE(std::ranges::equal(found, wanted)) << length << " bytes at " << offset;
  }

  scratch_directory directory_;
  wal::posix_file_system files_;
  std::unique_ptr<wal::file> file_;
  random_generator random_{7};
  std::vector<std::byte> expected_;
};

TEST_F(PosixFiles, AppendsOfAnySizeReadBackAtAnyOffset) {
  while (expected_.size() < 3 << 20) {
    const bool large = random_.below(20) == 0;
    write(expected_.size(), 1 + random_.below(large ? 600'000 : 6'000));
    const auto from = random_.below(expected_.size());
    expect_read(from, 1 + random_.below(expected_.size() - from));
  }

  expect_read(0, expected_.size());
}

TEST_F(PosixFiles, AWriteAfterReopeningKeepsWhatStandsBeforeItInItsBlock) {
  write(0, 5'000);

  for (int i = 0; i < 10; ++i) {
    reopen();
    write(expected_.size(), 700);
  }

  expect_read(0, expected_.size());
}

TEST_F(PosixFiles, AWriteFurtherBackStartsFromTheBytesThatAreThere) {
  write(0, 10'000);

  write(4'500, 100);
  write(4'600, 100);

  expect_read(0, expected_.size());
}

TEST_F(PosixFiles, OneWriteMayBeLongerThanAnyBuffer) {
  write(0, 100);

  write(100, 3 << 20);

  expect_read(0, expected_.size());
}

TEST_F(PosixFiles, AReadEndsWithTheFile) {
  std::vector<std::byte> room(10'000);

  EXPECT_EQ(file_->read(room, file_size - 5'000), std::size_t{5'000});
  EXPECT_EQ(file_->read(room, file_size), std::size_t{0});
  EXPECT_EQ(file_->size(), file_size);
}

// Hazard 98. A device without storage behind it cannot be flushed, and the system says so.
TEST(PosixFailures, FlushThatFailsIsTold) {
  wal::posix_file_system files;
  auto device = files.open("/dev/null", wal::open_mode::read_write);
  ASSERT_TRUE(device) << device.error().message;

  const auto flushed = (*device)->datasync();

  ASSERT_FALSE(flushed);
  EXPECT_EQ(flushed.error().code, error_code::io_failed);
}

// Hazard 80. The system writes as much as the limit on a file's size allows, and says how much.
TEST(PosixFailures, WriteThatWasCutShortIsNotTakenForWhole) {
  const scratch_directory directory;
  wal::posix_file_system files;
  ASSERT_TRUE(files.create_directory(directory.path()));
  auto file = files.create(directory.path() + "/short");
  ASSERT_TRUE(file) << file.error().message;
  const std::vector<std::byte> bytes(8192, std::byte{7});
  const std::array piece{std::span<const std::byte>(bytes)};
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);

  const rlimit small{4096, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto written = (*file)->write(piece, 0);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);

  EXPECT_EQ((*file)->size(), 4096U);
  EXPECT_FALSE(written);
}

}  // namespace
}  // namespace mainstay
