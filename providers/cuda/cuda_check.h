// Turns the status codes of CUDA's libraries into onda::Error.
#ifndef ONDA_PROVIDERS_CUDA_CUDA_CHECK_H_
#define ONDA_PROVIDERS_CUDA_CUDA_CHECK_H_

#include <cublasLt.h>
#include <cuda_runtime_api.h>
#include <cudnn.h>

#include <string>

#include "onda/types.h"

namespace onda::cuda {

// Errors after which no call of the process to this device succeeds.
inline bool PoisonsDevice(cudaError_t code) {
  return code == cudaErrorIllegalAddress || code == cudaErrorLaunchFailure || code == cudaErrorHardwareStackError ||
         code == cudaErrorIllegalInstruction || code == cudaErrorMisalignedAddress ||
         code == cudaErrorInvalidAddressSpace || code == cudaErrorInvalidPc || code == cudaErrorAssert ||
         code == cudaErrorECCUncorrectable || code == cudaErrorDevicesUnavailable || code == cudaErrorLaunchTimeout;
}

inline ErrorCode CodeOf(cudaError_t code) {
  if (PoisonsDevice(code)) return ErrorCode::kDeviceLost;
  switch (code) {
    case cudaErrorMemoryAllocation:
      return ErrorCode::kOutOfMemory;
    case cudaErrorInvalidValue:
    case cudaErrorInvalidConfiguration:
    case cudaErrorStreamCaptureUnsupported:
    case cudaErrorStreamCaptureInvalidated:
    case cudaErrorStreamCaptureMerge:
    case cudaErrorStreamCaptureUnmatched:
    case cudaErrorStreamCaptureUnjoined:
    case cudaErrorStreamCaptureIsolation:
    case cudaErrorStreamCaptureImplicit:
    case cudaErrorStreamCaptureWrongThread:
      return ErrorCode::kInvalidArgument;
    case cudaErrorNotSupported:
      return ErrorCode::kNotImplemented;
    default:
      return ErrorCode::kInternal;
  }
}

inline void Check(cudaError_t code, const char* what) {
  if (code == cudaSuccess) return;
  cudaGetLastError();  // a failure that was reported is not reported again by the next call
  throw Error(CodeOf(code), std::string(what) + ": " + cudaGetErrorName(code) + ", " + cudaGetErrorString(code));
}
inline void Check(cublasStatus_t code, const char* what) {
  if (code == CUBLAS_STATUS_SUCCESS) return;
  const ErrorCode kind = code == CUBLAS_STATUS_ALLOC_FAILED    ? ErrorCode::kOutOfMemory
                         : code == CUBLAS_STATUS_NOT_SUPPORTED ? ErrorCode::kNotImplemented
                                                               : ErrorCode::kInternal;
  throw Error(kind, std::string(what) + ": " + cublasLtGetStatusName(code));
}
inline void Check(cudnnStatus_t code, const char* what) {
  if (code == CUDNN_STATUS_SUCCESS) return;
  char detail[1024] = "";
  cudnnGetLastErrorString(detail, sizeof(detail));
  // Its message has the library's own file and line after the cause.
  throw Error(code / 1000 == CUDNN_STATUS_NOT_SUPPORTED / 1000 ? ErrorCode::kNotImplemented : ErrorCode::kInternal,
              std::string(what) + ": " + cudnnGetErrorString(code) + (detail[0] ? std::string(", ") + detail : ""));
}

}  // namespace onda::cuda

#endif  // ONDA_PROVIDERS_CUDA_CUDA_CHECK_H_
