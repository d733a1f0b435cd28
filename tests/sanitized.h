// ONDA_SANITIZED is 1 in builds with the address or thread sanitizer, where code is several times slower, takes more
// memory, and the sanitizer has an allocator of its own.
#pragma once

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ONDA_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define ONDA_SANITIZED 1
#endif
#endif
#ifndef ONDA_SANITIZED
#define ONDA_SANITIZED 0
#endif
