// SPDX-License-Identifier: Apache-2.0
// Adds two vectors on the GPU and checks every element; prints the device and "vector-add ok".
#include <cstdio>
#include <vector>

namespace {

constexpr int kCount = 1 << 20;

__global__ void add(const float* a, const float* b, float* sum) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < kCount) sum[i] = a[i] + b[i];
}

void check(cudaError_t error, const char* what) {
  if (error == cudaSuccess) return;
  std::printf("vector-add: %s: %s\n", what, cudaGetErrorString(error));
  std::exit(1);
}

}  // namespace

int main() {
  int devices = 0;
  check(cudaGetDeviceCount(&devices), "cudaGetDeviceCount");
  std::vector<float> a(kCount), b(kCount), sum(kCount, -1.0F);
  for (int i = 0; i < kCount; ++i) {
    a[i] = static_cast<float>(i % 1000);
    b[i] = static_cast<float>(i % 77) * 0.5F;
  }
  constexpr std::size_t kBytes = kCount * sizeof(float);
  for (int device = 0; device < devices; ++device) {
    check(cudaSetDevice(device), "cudaSetDevice");
    float *da = nullptr, *db = nullptr, *dsum = nullptr;
    check(cudaMalloc(&da, kBytes), "cudaMalloc");
    check(cudaMalloc(&db, kBytes), "cudaMalloc");
    check(cudaMalloc(&dsum, kBytes), "cudaMalloc");
    check(cudaMemcpy(da, a.data(), kBytes, cudaMemcpyHostToDevice), "copy in");
    check(cudaMemcpy(db, b.data(), kBytes, cudaMemcpyHostToDevice), "copy in");
    check(cudaMemset(dsum, 0xff, kBytes), "poison");
    add<<<(kCount + 255) / 256, 256>>>(da, db, dsum);
    check(cudaGetLastError(), "launch");
    check(cudaMemcpy(sum.data(), dsum, kBytes, cudaMemcpyDeviceToHost), "copy out");
    for (int i = 0; i < kCount; ++i) {
      if (sum[i] != a[i] + b[i]) {
        std::printf("vector-add: element %d is %f, not %f\n", i, sum[i], a[i] + b[i]);
        return 1;
      }
    }
    cudaDeviceProp properties{};
    check(cudaGetDeviceProperties(&properties, device), "cudaGetDeviceProperties");
    std::printf("device %d: %s at %04x:%02x:%02x\n", device, properties.name, properties.pciDomainID,
                properties.pciBusID, properties.pciDeviceID);
    check(cudaFree(da), "cudaFree");
    check(cudaFree(db), "cudaFree");
    check(cudaFree(dsum), "cudaFree");
  }
  std::printf("vector-add ok on %d device%s\n", devices, devices == 1 ? "" : "s");
  return 0;
}
